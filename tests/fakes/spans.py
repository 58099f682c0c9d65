"""Spans kept in memory. Needs the extra `otel`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from semtoken_server.tracing.otel import OtelTracing

STAGES = ("segment", "encode", "cluster", "density", "budget", "realise")


class Spans:
    """Tracing, and what came of it."""

    def __init__(self, share: float = 1.0) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(sampler=ParentBasedTraceIdRatio(share), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracing = OtelTracing(provider)

    @property
    def all(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.all]

    def named(self, name: str) -> ReadableSpan:
        """The only one of that name."""
        (found,) = self.every(name)
        return found

    def every(self, name: str) -> list[ReadableSpan]:
        """Those of that name, by their beginning."""
        return sorted((span for span in self.all if span.name == name), key=lambda span: span.start_time or 0)

    def clear(self) -> None:
        self._exporter.clear()


def told(span: ReadableSpan) -> dict[str, Any]:
    """A span's attributes."""
    return dict(span.attributes or {})


def trace_id(span: ReadableSpan) -> str:
    return f"{span.context.trace_id:032x}" if span.context else ""


def span_id(span: ReadableSpan) -> str:
    return f"{span.context.span_id:016x}" if span.context else ""


def parent_id(span: ReadableSpan) -> str:
    """Empty for a span without a parent."""
    return f"{span.parent.span_id:016x}" if span.parent else ""
