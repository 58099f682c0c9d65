"""The tracing that the settings ask for."""

from __future__ import annotations

from semtoken_server.settings import Settings
from semtoken_server.tracing.base import NO_TRACING, Tracing


def build_tracing(settings: Settings) -> Tracing:
    """Tracing to ``tracing_endpoint``; without one the tracing that does nothing."""
    if settings.tracing_endpoint is None:
        return NO_TRACING
    from semtoken_server.tracing.export import provider  # noqa: PLC0415 - an extra, which the settings looked for
    from semtoken_server.tracing.otel import OtelTracing  # noqa: PLC0415 - the same

    return OtelTracing(provider(settings.tracing_endpoint, settings.tracing_share))
