"""The spans of one request that is recorded."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, format_span_id, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from semtoken.datamodels import TIMED_STAGES

from semtoken_server.compression.outcome import Outcome
from semtoken_server.tracing.base import AttemptTrace, RequestTrace, Step
from semtoken_server.tracing.usage import usage_of

_PROVIDER = "vllm"


class OtelStep(Step):
    """A child of the request's span."""

    def __init__(self, tracer: Tracer, name: str, within: Context) -> None:
        self._tracer = tracer
        self._within = within
        self._began = time.time_ns()
        self._span = tracer.start_span(name, within, start_time=self._began)

    def compressed(self, outcome: Outcome) -> None:
        """Attributes, and the stages as spans one after the other: of several texts each stage is a sum."""
        self._span.set_attributes(_attributes(outcome))
        at = self._began + int(outcome.queued_s * 1e9)
        within = set_span_in_context(self._span, self._within)
        for stage in TIMED_STAGES:
            if (took_ms := outcome.timings_ms.get(stage)) is not None:
                end = at + int(took_ms * 1e6)
                self._tracer.start_span(stage, within, start_time=at).end(end)
                at = end

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """An error is told by its kind."""
        if kind is not None:
            _mark_failed(self._span, kind.__name__)
        self._span.end()


class OtelAttempt(AttemptTrace):
    """A client's span for one request to one engine, until its answer has been read or let go of."""

    def __init__(self, span: Span, headers: dict[str, str]) -> None:
        self.headers = headers
        self._span = span
        self._began = time.monotonic()

    def answered(self, status: int, *, streamed: bool) -> None:
        """The head has arrived, of a stream the first byte of the body as well."""
        self._span.add_event("first_byte")
        self._span.set_attribute("http.response.status_code", status)
        if streamed:
            self._span.set_attribute("gen_ai.response.time_to_first_chunk", time.monotonic() - self._began)
        if status >= 400:
            _mark_failed(self._span, str(status))

    def failed(self, kind: str) -> None:
        """There is no answer, or it breaks off."""
        _mark_failed(self._span, kind)

    def end(self) -> None:
        """Nothing more is read of the answer."""
        self._span.end()


class OtelRequest(RequestTrace):
    """The span of a request, and what becomes of it."""

    def __init__(
        self, tracer: Tracer, propagator: TraceContextTextMapPropagator, span: Span, within: Context, method: str
    ) -> None:
        told = span.get_span_context()
        self.ids = (format_trace_id(told.trace_id), format_span_id(told.span_id))
        self._tracer = tracer
        self._propagator = propagator
        self._span = span
        self._within = within
        self._method = method
        self._attempts = 0
        self._asked: dict[str, str | bool] = {}
        self._error: str | None = None
        self._fault = False

    def generating(self, operation: str, model: str | None, *, stream: bool = False) -> None:
        """What is asked of a model."""
        self._asked = {"gen_ai.operation.name": operation, "gen_ai.provider.name": _PROVIDER}
        if model is not None:
            self._asked["gen_ai.request.model"] = model
        if stream:
            self._asked["gen_ai.request.stream"] = True
        self._span.set_attributes(self._asked)

    def step(self, name: str) -> Step:
        """A part of the work begins."""
        return OtelStep(self._tracer, name, self._within)

    def attempt(self, engine: str, url: str, method: str) -> AttemptTrace:
        """The request goes to an engine, which gets this span as the parent of its own."""
        parts = urlsplit(url)
        attributes: dict[str, str | bool | int] = {
            **self._asked,
            "semtoken.engine": engine,
            "http.request.method": method,
            "url.full": url,
            "server.address": parts.hostname or "",
            "server.port": parts.port or (443 if parts.scheme == "https" else 80),
        }
        if self._attempts:
            attributes["http.request.resend_count"] = self._attempts
        self._attempts += 1
        operation, model = self._asked.get("gen_ai.operation.name"), self._asked.get("gen_ai.request.model", "")
        name = f"{method} {parts.path}" if operation is None else f"{operation} {model}".rstrip()
        span = self._tracer.start_span(name, self._within, SpanKind.CLIENT, attributes=attributes)
        headers: dict[str, str] = {}
        self._propagator.inject(headers, set_span_in_context(span, self._within))
        return OtelAttempt(span, headers)

    def answered(self, document: bytes) -> None:
        """An answer in one piece, or an event of a stream, that names its model and counts tokens."""
        told = usage_of(document)
        self._set("gen_ai.response.model", told.model)
        self._set("gen_ai.usage.input_tokens", told.input_tokens)
        self._set("gen_ai.usage.output_tokens", told.output_tokens)

    def failed(self, error: BaseException) -> None:
        """The kind of the error; it is the gateway's or the engine's fault unless its status says otherwise."""
        self._error = type(error).__name__
        self._fault = getattr(error, "status", 500) >= 500

    def end(self, route: str, status: int) -> None:
        """The answer is complete; the name and the route are known only now."""
        method = "HTTP" if self._method == "_OTHER" else self._method
        self._span.update_name(f"{method} {route}")
        self._set("http.route", None if route == "unmatched" else route)
        self._set("http.response.status_code", status)
        self._set("error.type", self._error or (str(status) if status >= 400 else None))
        if self._fault or status >= 500:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()

    def _set(self, name: str, value: str | int | None) -> None:
        if value is not None:
            self._span.set_attribute(name, value)


def _attributes(outcome: Outcome) -> dict[str, Any]:
    original, forwarded = outcome.original_tokens, outcome.forwarded_tokens
    values = {
        "semtoken.status": outcome.status,
        "semtoken.reason": outcome.reason,
        "semtoken.original_tokens": original,
        "semtoken.forwarded_tokens": forwarded,
        "semtoken.ratio": round(original / forwarded, 4) if original and forwarded else None,
        "semtoken.queue_seconds": outcome.queued_s or None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _mark_failed(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)
