"""What happens around every request: its id, its place in metrics, traces and the log."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable, MutableMapping
from functools import cache
from typing import Any, Protocol

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from semtoken_server.compression.outcome import Outcome
from semtoken_server.errors import ShuttingDownError, answer_for, error_event
from semtoken_server.lifecycle.state import Lifecycle
from semtoken_server.logs.about import About, work_for
from semtoken_server.metrics import Metrics
from semtoken_server.tracing.base import NO_TRACING, RequestTrace, Tracing

# Short and plain, since it goes into logs and to the engine.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


class RequestLog(Protocol):
    """Takes note of a request that was answered."""

    def __call__(self, method: str, route: str, status: int, duration_s: float, outcome: Outcome | None, /) -> None:
        """``outcome`` is None where nothing was looked at for compression."""


class RequestContext:
    """Gives each request an id (the client's own if it is well-formed), counts it, times it and has it traced.

    One that is cancelled when the gateway's time to drain is up is ended here in order.

    Plain ASGI: Starlette's ``BaseHTTPMiddleware`` would put a task and a queue between the engine's
    stream and the client.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        lifecycle: Lifecycle,
        tracing: Tracing = NO_TRACING,
        log: RequestLog | None = None,
    ) -> None:
        self._app = app
        self._tracing = tracing
        self._log = log
        self._inflight = metrics.inflight
        self._lifecycle = lifecycle
        self._aborts = metrics.stream_aborts
        # To look a child up costs more than to count; there are as many as routes and statuses.
        self._requests = cache(metrics.requests.labels)
        self._request_seconds = cache(metrics.request_seconds.labels)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        offered = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
        identity = offered if _REQUEST_ID.fullmatch(offered) else os.urandom(16).hex()
        state["request_id"] = identity
        state["began"] = began
        state["trace"] = trace = self._tracing.request(scope)
        work_for(About(identity, *(trace.ids or ())))
        # What escapes every handler is answered outside of here, with a 500.
        code = "500"
        head: Message | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal code, head
            if message["type"] == "http.response.start":
                code = str(message["status"])
                message["headers"] = [*message["headers"], (b"x-request-id", identity.encode("latin-1"))]
                if self._lifecycle.closing:
                    message["headers"].append((b"connection", b"close"))
                head = message
            await send(message)

        self._inflight.inc()
        task = self._lifecycle.enter()
        try:
            await self._app(scope, receive, send_with_id)
        except asyncio.CancelledError:
            if not self._lifecycle.over or task is None:
                raise
            task.uncancel()
            await self._end(head, scope, receive, send_with_id)
        finally:
            self._lifecycle.leave(task)
            self._inflight.dec()
            self._note(scope, code, time.perf_counter() - began, trace)

    def _note(self, scope: Scope, code: str, took_s: float, trace: RequestTrace) -> None:
        """A request is over."""
        route = getattr(scope.get("route"), "path", "unmatched")
        self._requests(route, code).inc()
        self._request_seconds(route).observe(took_s)
        trace.end(route, int(code))
        if self._log is not None:
            self._log(scope["method"], route, int(code), took_s, scope["state"].get("outcome"))

    async def _end(self, head: Message | None, scope: Scope, receive: Receive, send: Send) -> None:
        """The last words to a request that has no more time: an answer, or an event in a stream."""
        error = ShuttingDownError()
        scope["state"]["trace"].failed(error)
        if head is None:
            await answer_for(error).response(scope["path"])(scope, receive, send)
        elif (b"content-type", b"text/event-stream") in _media_types(head):
            self._aborts.labels("gateway").inc()
            event = scope["state"].get("error_event", error_event)(error)
            await send({"type": "http.response.body", "body": event, "more_body": False})
        else:
            # Its length has been announced: only a cut tells that it is not whole.
            raise asyncio.CancelledError


def _media_types(head: Message) -> list[tuple[bytes, bytes]]:
    return [(name, value.partition(b";")[0].strip()) for name, value in head["headers"]]


def request_id(request: Request) -> str:
    """The id of a request."""
    return str(request.scope["state"]["request_id"])


def began(request: Request) -> float:
    """When a request arrived, on ``time.perf_counter``'s clock."""
    return float(request.scope["state"]["began"])


def trace_of(request: Request) -> RequestTrace:
    """What a request's spans are made by."""
    trace: RequestTrace = request.scope["state"]["trace"]
    return trace


def keep_outcome(request: Request, outcome: Outcome) -> None:
    """What became of a request's compression, for the log."""
    request.scope["state"]["outcome"] = outcome


def keep_error_event(request: Request, made: Callable[[Exception], bytes]) -> None:
    """How an error looks in the stream that a request is answered with, should it be ended from outside."""
    request.scope["state"]["error_event"] = made
