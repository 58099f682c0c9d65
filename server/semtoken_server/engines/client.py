"""Sends one request to one engine over HTTP."""

from __future__ import annotations

import asyncio
import io
import time
from functools import cache

import aiohttp

from semtoken_server.engines.attempt import STATUSES, Attempt, Cause
from semtoken_server.engines.base import EngineRequest
from semtoken_server.engines.endpoint import Endpoint, engine_error
from semtoken_server.engines.policy import Policy
from semtoken_server.engines.response import HttpEngineResponse, media_type
from semtoken_server.engines.routing import Router
from semtoken_server.engines.waiting import Waiting
from semtoken_server.errors import EngineTimeoutError, EngineUnavailableError
from semtoken_server.metrics import Metrics
from semtoken_server.tracing.base import AttemptTrace

_AT_ONCE_BYTES = 2**18
"""A larger body goes as a file: written in pieces it does not hold up the event loop."""

# vLLM's server drops a connection that was idle for 5 seconds. One that we reuse at that moment
# would fail a request that cannot be told from one already running, so we drop ours first.
_KEEP_ALIVE_S = 4.0

# Of embeddings as bytes vLLM tells shapes and places in one, a hundred bytes for each.
_LONGEST_HEADER_BYTES = 2**20


class EngineClient:
    """One attempt at a time. ``api_key`` goes to the engines as a bearer token."""

    def __init__(self, policy: Policy, metrics: Metrics, router: Router, api_key: str | None) -> None:
        self._policy = policy
        self._router = router
        # To look a child up costs more than to count; there are as many as engines and outcomes.
        self._requests = cache(metrics.engine_requests.labels)
        self._breakers = metrics.engine_breaker_open
        self._headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self._health_timeout = aiohttp.ClientTimeout(total=policy.health_timeout_s)
        self._session: aiohttp.ClientSession | None = None

    def start(self) -> None:
        """Be ready to connect; must be called in the event loop."""
        policy = self._policy
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_S),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=policy.connect_timeout_s, sock_read=policy.read_timeout_s
            ),
            # Bodies are relayed as they come.
            auto_decompress=False,
            headers={"accept-encoding": "identity", **self._headers},
            cookie_jar=aiohttp.DummyCookieJar(),
            max_field_size=_LONGEST_HEADER_BYTES,
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def get(self, endpoint: Endpoint, path: str) -> tuple[int, bytes]:
        """Status and body of a short answer within the time for health checks.

        Raises ``aiohttp.ClientError`` or ``OSError``.
        """
        async with self._started().get(endpoint.url + path, timeout=self._health_timeout) as response:
            return response.status, await response.read()

    async def attempt(self, endpoint: Endpoint, request: EngineRequest) -> Attempt:
        """Send ``request``; returns with the head of the answer, of a stream with its first byte as well."""
        session = self._started()
        probe = endpoint.breaker.begin()
        endpoint.outstanding += 1
        trace = request.trace.attempt(endpoint.name, endpoint.url + request.path, request.method)
        attempt: Attempt | None = None
        outcome = "error"
        try:
            attempt = await self._ask(session, endpoint, request, trace)
            outcome = attempt.outcome
            return attempt
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            if attempt is None or attempt.response is None:
                endpoint.outstanding -= 1
                trace.failed("cancelled" if attempt is None else type(attempt.error).__name__)
                trace.end()
            self._tell_breaker(endpoint, attempt, probe)
            self._requests(endpoint.name, outcome).inc()

    async def _ask(
        self, session: aiohttp.ClientSession, endpoint: Endpoint, request: EngineRequest, trace: AttemptTrace
    ) -> Attempt:
        deadline = asyncio.timeout(None)
        waiting = Waiting(request, deadline)
        endpoint.waiting.add(waiting)
        try:
            async with deadline:
                response = await session.request(
                    request.method,
                    endpoint.url + request.path,
                    data=_sendable(request.body),
                    headers={**request.headers, **trace.headers} if trace.headers else request.headers,
                    allow_redirects=False,
                )
                first = await _first_byte(response, waiting)
        except (aiohttp.ClientError, OSError) as error:
            return self._failed(endpoint, waiting, error)
        finally:
            endpoint.waiting.discard(waiting)
        if response.status == 200:
            endpoint.answered[request.path] = time.monotonic()
        trace.answered(response.status, streamed=first is not None)
        answer = HttpEngineResponse(response, endpoint, first, trace)
        return Attempt(endpoint, answer, cause=STATUSES.get(response.status))

    def _failed(self, endpoint: Endpoint, waiting: Waiting, error: Exception) -> Attempt:
        if waiting.ended == "taken_out":
            gone = EngineTimeoutError(f"the engine {endpoint.name} has stopped answering")
            return Attempt(endpoint, error=gone, cause="taken_out")
        if waiting.ended == "cut":
            error = aiohttp.ServerDisconnectedError("the connection ended unnoticed")
        told = engine_error(endpoint, error)
        told.__cause__ = error
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            return Attempt(endpoint, error=told, cause="unreached")
        if isinstance(error, TimeoutError):
            # An answer in one piece that takes too long here would take as long elsewhere.
            cause: Cause | None = "timeout" if waiting.streamed else None
            return Attempt(endpoint, error=told, cause=cause, excused=self._only_slow(endpoint, waiting))
        return Attempt(endpoint, error=told, cause="connection")

    def _only_slow(self, endpoint: Endpoint, waiting: Waiting) -> bool:
        """Whether a time-out is no ground to leave an engine alone: it was at work meanwhile, or it is all there is.

        One that is frozen or gone misses its health checks.
        """
        at_work = endpoint.answered.get(waiting.request.path, 0.0) >= waiting.since
        return at_work or not self._router.elsewhere(waiting.request, (endpoint,))

    def _tell_breaker(self, endpoint: Endpoint, attempt: Attempt | None, probe: bool) -> None:
        breaker = endpoint.breaker
        if attempt is None or attempt.excused:
            breaker.dropped(probe)
        elif not attempt.failed:
            breaker.succeeded(probe)
        else:
            breaker.failed(probe)
        if probe or (attempt is not None and attempt.failed):
            self._breakers.labels(endpoint.name).set(breaker.state != "closed")

    def _started(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise EngineUnavailableError("the engine client has not been started")
        return self._session


async def _first_byte(response: aiohttp.ClientResponse, waiting: Waiting) -> bytes | None:
    """The beginning of a stream; None of another answer.

    A server sends a stream's head at once: only a byte of the body tells that the engine is at work.
    """
    if response.status != 200 or media_type(response) != "text/event-stream":
        return None
    first = b""
    waiting.head = response
    try:
        first = await response.content.readany()
    finally:
        if not first:
            response.close()
    if not first:
        raise aiohttp.ServerDisconnectedError("the stream ended before it began")
    return first


def _sendable(body: bytes) -> bytes | io.BytesIO | None:
    return (body if len(body) <= _AT_ONCE_BYTES else io.BytesIO(body)) if body else None
