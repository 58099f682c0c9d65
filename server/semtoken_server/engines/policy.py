"""The numbers that engines are watched, chosen and retried by."""

from __future__ import annotations

from dataclasses import dataclass

from semtoken_server.settings import Settings


@dataclass(frozen=True, slots=True)
class Policy:
    """Times are in seconds; the defaults are those of the settings."""

    connect_timeout_s: float = 5.0
    read_timeout_s: float = 600.0
    """Silence after which any answer is given up."""
    first_byte_timeout_s: float = 120.0
    """Silence before the first byte of a stream, after which another engine gets the request."""
    health_interval_s: float = 2.0
    health_timeout_s: float = 2.0
    models_interval_s: float = 30.0
    """How old an engine's list of models may become."""
    models_fresh_s: float = 0.5
    """How old it may be for who asks for it, or for a model that is not on it."""
    load_factor: float = 1.25
    """How far over the mean of outstanding requests an engine may be for the sake of its prefix cache."""
    retries: int = 2
    retry_budget: float = 0.2
    """Retries as a share of recent requests."""
    breaker_failures: int = 5
    breaker_open_s: float = 10.0

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """What the settings say."""
        return cls(
            connect_timeout_s=settings.engine_connect_timeout_s,
            read_timeout_s=settings.engine_read_timeout_s,
            first_byte_timeout_s=settings.engine_first_byte_timeout_s,
            health_interval_s=settings.engine_health_interval_s,
            health_timeout_s=settings.engine_health_timeout_s,
            load_factor=settings.engine_load_factor,
            retries=settings.engine_retries,
            retry_budget=settings.engine_retry_budget,
            breaker_failures=settings.engine_breaker_failures,
            breaker_open_s=settings.engine_breaker_open_s,
        )
