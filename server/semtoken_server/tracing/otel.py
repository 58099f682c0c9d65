"""Spans by OpenTelemetry, with the names of its conventions for HTTP and for generative models."""

from __future__ import annotations

import asyncio
import threading

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

from semtoken_server import __version__
from semtoken_server.access.middleware import is_open
from semtoken_server.tracing.base import UNTRACED, AttemptTrace, RequestTrace, Tracing
from semtoken_server.tracing.spans import OtelRequest

_FLUSH_S = 3.0
_PROPAGATED = {b"traceparent": "traceparent", b"tracestate": "tracestate"}
_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})


class OtelTracing(Tracing):
    """One trace for each request that is not for health, metrics or the playground's page.

    A client's ``traceparent`` is continued. Nothing is put into OpenTelemetry's own current context: a span is
    where it is passed to.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("semtoken_server", __version__)
        self._propagator = TraceContextTextMapPropagator()

    def request(self, scope: Scope) -> RequestTrace:
        """A request has come in."""
        if is_open(scope["path"]):
            return UNTRACED
        offered: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            if (known := _PROPAGATED.get(name)) is not None:
                offered.setdefault(known, []).append(value.decode("latin-1"))
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        parent = self._propagator.extract(offered, context=Context())
        span = self._tracer.start_span(
            method,
            parent,
            SpanKind.SERVER,
            attributes={
                "http.request.method": method,
                "url.scheme": scope.get("scheme", "http"),
                "url.path": scope["path"],
                "network.protocol.version": scope.get("http_version", "1.1"),
                "semtoken.request_id": scope["state"]["request_id"],
            },
        )
        within = set_span_in_context(span, parent)
        if span.is_recording():
            return OtelRequest(self._tracer, self._propagator, span, within, method)
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, within)
        return _Unsampled(carrier)

    async def close(self) -> None:
        """Send what is left; a collector that does not answer is waited for three seconds."""
        closing = threading.Thread(target=self._provider.shutdown, name="tracing-close", daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, _FLUSH_S)


class _Unsampled(RequestTrace):
    """Nothing is recorded, and those who come after are told so."""

    def __init__(self, headers: dict[str, str]) -> None:
        self._attempt = AttemptTrace()
        self._attempt.headers = headers

    def attempt(self, _engine: str, _url: str, _method: str) -> AttemptTrace:
        """The request goes to an engine."""
        return self._attempt
