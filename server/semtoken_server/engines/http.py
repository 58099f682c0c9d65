"""Engines that are reached over HTTP, such as vLLM: one address or several with the same model."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache

import aiohttp

from semtoken_server.engines.base import EngineRequest
from semtoken_server.engines.endpoint import Endpoint, HttpEngineResponse, engine_errors
from semtoken_server.errors import EngineConnectionError, EngineError, EngineUnavailableError
from semtoken_server.metrics import Metrics

logger = logging.getLogger(__name__)

_AT_ONCE_BYTES = 2**18
"""A larger body goes as a file: written in pieces it does not hold up the event loop."""

# vLLM's server drops a connection that was idle for 5 seconds. One that we reuse at that moment
# would fail a request that cannot be told from one already running, so we drop ours first.
_KEEP_ALIVE_S = 4.0


class HttpEngine:
    """Forwards to the healthy address with the fewest outstanding requests.

    Health is ``GET /health`` every ``health_interval_s``; an address that cannot be reached by a
    request counts as down at once. ``api_key`` goes to the engines as a bearer token.
    """

    def __init__(
        self,
        urls: Sequence[str],
        metrics: Metrics,
        *,
        api_key: str | None = None,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 600.0,
        health_interval_s: float = 2.0,
    ) -> None:
        self._endpoints = [Endpoint(url) for url in urls]
        self._metrics = metrics
        # To look a child up costs more than to count; there are as many as engines and outcomes.
        self._requests = cache(metrics.engine_requests.labels)
        self._headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_s, sock_read=read_timeout_s)
        self._health_timeout = aiohttp.ClientTimeout(total=connect_timeout_s)
        self._health_interval_s = health_interval_s
        self._changed = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None
        self._watchers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Connect and begin to watch health; returns after the first look at each endpoint."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_S),
            timeout=self._timeout,
            # Bodies are relayed as they come.
            auto_decompress=False,
            headers={"accept-encoding": "identity", **self._headers},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        await asyncio.gather(*(self._look(endpoint) for endpoint in self._endpoints))
        self._watchers = [asyncio.create_task(self._watch(endpoint)) for endpoint in self._endpoints]

    async def close(self) -> None:
        """Stop watching and close all connections."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    @property
    def health(self) -> Mapping[str, bool]:
        """Each endpoint's name and whether it is healthy."""
        return {endpoint.name: endpoint.healthy for endpoint in self._endpoints}

    @property
    def epoch(self) -> Mapping[str, int]:
        """How often each endpoint has come up."""
        return {endpoint.name: endpoint.epoch for endpoint in self._endpoints}

    async def wait_for_change(self) -> None:
        """Return when an endpoint has come up or gone down since the call."""
        await self._changed.wait()

    async def send(self, request: EngineRequest, *, endpoint: str | None = None) -> HttpEngineResponse:
        """Send to the least busy healthy endpoint, on to the next when it cannot be reached.

        Only a connection that failed before the head of an answer is tried elsewhere; a time-out
        is not, since the engine may be at work.
        """
        failure: EngineError = EngineUnavailableError()
        healthy = [e for e in self._endpoints if e.healthy and endpoint in (None, e.name)]
        if len(healthy) > 1:
            healthy.sort(key=lambda e: e.outstanding)
        for candidate in healthy:
            try:
                return await self._send_to(candidate, request)
            except EngineConnectionError as error:
                self._set_health(candidate, False)
                failure = error
        raise failure

    async def _send_to(self, endpoint: Endpoint, request: EngineRequest) -> HttpEngineResponse:
        session = self._started()
        endpoint.outstanding += 1
        outcome = "error"
        answered = False
        try:
            with engine_errors(endpoint):
                response = await session.request(
                    request.method,
                    endpoint.url + request.path,
                    data=_sendable(request.body),
                    headers=request.headers,
                    allow_redirects=False,
                )
            answered = True
            outcome = f"{response.status // 100}xx"
            return HttpEngineResponse(response, endpoint)
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            if not answered:
                endpoint.outstanding -= 1
            self._requests(endpoint.name, outcome).inc()

    async def _watch(self, endpoint: Endpoint) -> None:
        while True:
            # Sooner when it is down: a single broken connection must not close the door for long.
            await asyncio.sleep(self._health_interval_s if endpoint.healthy else min(self._health_interval_s, 0.5))
            await self._look(endpoint)

    async def _look(self, endpoint: Endpoint) -> None:
        healthy = False
        with suppress(EngineError), engine_errors(endpoint):
            async with self._started().get(f"{endpoint.url}/health", timeout=self._health_timeout) as response:
                healthy = response.ok
        self._set_health(endpoint, healthy)

    def _set_health(self, endpoint: Endpoint, healthy: bool) -> None:
        self._metrics.engine_up.labels(endpoint.name).set(healthy)
        if endpoint.healthy == healthy:
            return
        endpoint.healthy = healthy
        endpoint.epoch += healthy
        logger.info("engine %s is %s", endpoint.name, "up" if healthy else "down")
        # Wakes everyone who waits now; later callers wait for the next change.
        self._changed.set()
        self._changed = asyncio.Event()

    def _started(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise EngineUnavailableError("the engine client has not been started")
        return self._session


def _sendable(body: bytes) -> bytes | io.BytesIO | None:
    return (body if len(body) <= _AT_ONCE_BYTES else io.BytesIO(body)) if body else None
