"""Where spans go: in batches, from a thread of their own, to a collector."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

from semtoken_server import __version__

_PATH = "/v1/traces"
_TIMEOUT_S = 5.0
# Of what a client writes: the name of a model, a path.
_LONGEST_ATTRIBUTE = 256


def provider(endpoint: str, share: float) -> TracerProvider:
    """Spans of ``share`` of the traces that begin here go to the collector at ``endpoint``.

    Of a trace that a client began its own decision counts. The standard variables of OpenTelemetry hold for what
    is not said here, such as ``OTEL_EXPORTER_OTLP_HEADERS`` and ``OTEL_SERVICE_NAME``.
    """
    made = TracerProvider(
        sampler=ParentBasedTraceIdRatio(share),
        resource=resource(),
        # The gateway does that itself, and does not wait for long.
        shutdown_on_exit=False,
        span_limits=SpanLimits(max_attribute_length=_LONGEST_ATTRIBUTE),
    )
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=traces_url(endpoint), timeout=_TIMEOUT_S)))
    return made


def resource() -> Resource:
    """Which process spans come from."""
    own: dict[str, str | int] = {"service.name": "semtoken", "service.version": __version__, "process.pid": os.getpid()}
    return Resource.create().merge(Resource(own)).merge(OTELResourceDetector().detect())


def traces_url(endpoint: str) -> str:
    """The address for traces at a collector; one with a path is that already."""
    return endpoint if urlsplit(endpoint).path.strip("/") else endpoint.rstrip("/") + _PATH
