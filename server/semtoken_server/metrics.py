"""Every metric of the gateway; the only place that names one.

Base units (seconds, tokens), all ``semtoken_``, no label whose value a client controls: routes are
the templates of the allow-list, reasons and causes come from fixed sets.
"""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from semtoken.caching import CacheEvent

from semtoken_server import __version__

_REQUEST = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640)
_FIRST_TOKEN = (0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6, 12, 25, 50, 100)
_INTER_TOKEN = (0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5)
_COMPRESSION = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
_BATCH = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
_DRIFT = (-1, -0.3, -0.1, -0.03, -0.01, 0, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10)
_RATIO = (1, 1.1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 3, 4, 6, 10, 20)


class BatchHistogram(Histogram):
    """A histogram that takes several equal observations at once."""

    def observe_many(self, amount: float, count: int) -> None:
        """``count`` observations of ``amount``, for the price of one."""
        self._sum.inc(amount * count)
        self._buckets[bisect_left(self._upper_bounds, amount)].inc(count)


class Metrics:
    """Collectors in a registry of their own; ``multiprocess_dir`` is where several workers share them.

    The parent process must have set ``PROMETHEUS_MULTIPROC_DIR`` to the same folder before this
    process started: the client library reads it at import.
    """

    def __init__(self, multiprocess_dir: Path | None = None) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self._multiprocess_dir = multiprocess_dir
        self.requests = Counter("semtoken_requests_total", "Requests answered.", ("route", "code"), registry=registry)
        self.request_seconds = Histogram(
            "semtoken_request_seconds",
            "From the request's arrival to the last byte of its answer.",
            ("route",),
            buckets=_REQUEST,
            registry=registry,
        )
        self.first_token_seconds = Histogram(
            "semtoken_time_to_first_token_seconds",
            "From the request's arrival to the first event of a streamed answer, compression included.",
            ("route",),
            buckets=_FIRST_TOKEN,
            registry=registry,
        )
        self.inter_token_seconds = BatchHistogram(
            "semtoken_inter_token_seconds",
            "Between the events of streamed answers.",
            buckets=_INTER_TOKEN,
            registry=registry,
        )
        self.inflight = Gauge(
            "semtoken_inflight_requests", "Requests being answered.", registry=registry, multiprocess_mode="livesum"
        )
        self.stream_aborts = Counter(
            "semtoken_stream_aborts_total", "Streams cut short, by the side that did.", ("side",), registry=registry
        )
        # What is rare is there from the start: of a series that begins at 1 no rate sees the beginning.
        for side in ("client", "engine"):
            self.stream_aborts.labels(side)
        self.admission_rejections = Counter(
            "semtoken_admission_rejections_total", "Requests refused by the gateway.", ("reason",), registry=registry
        )
        self.auth_failures = Counter(
            "semtoken_auth_failures_total", "Requests without a key, or with a wrong one.", registry=registry
        )
        self._add_compression(registry)
        self._add_engines(registry)
        self._add_quality(registry)

    def _add_compression(self, registry: CollectorRegistry) -> None:
        self.prompt_tokens = Counter(
            "semtoken_prompt_tokens_total",
            "Prompt tokens of counted requests: original as they came, forwarded as they went to the engine.",
            ("stage",),
            registry=registry,
        )
        self.compression_requests = Counter(
            "semtoken_compression_requests_total",
            "What became of requests that may be compressed.",
            ("status", "reason"),
            registry=registry,
        )
        self.compression_ratio = Histogram(
            "semtoken_compression_ratio",
            "Original over forwarded tokens of compressed prompts.",
            buckets=_RATIO,
            registry=registry,
        )
        self.compression_seconds = Histogram(
            "semtoken_compression_seconds",
            "Time of each stage of a compression.",
            ("stage",),
            buckets=_COMPRESSION,
            registry=registry,
        )
        self.encoder_batch_tokens = Histogram(
            "semtoken_encoder_batch_tokens",
            "Tokens that went through the encoder together, padding left out.",
            buckets=_BATCH,
            registry=registry,
        )
        self.encoder_queue_seconds = Histogram(
            "semtoken_encoder_queue_seconds",
            "Time that a compression waited for the encoder.",
            buckets=_COMPRESSION,
            registry=registry,
        )
        self.cache_events = Counter(
            "semtoken_cache_events_total",
            "What became of encoder windows that were looked for in the cache.",
            ("event",),
            registry=registry,
        )
        for event in get_args(CacheEvent):
            self.cache_events.labels(event)
        self.prefix_breaks = Counter(
            "semtoken_prefix_breaks_total",
            "Earlier messages forwarded in another form than a turn before would have had.",
            ("cause",),
            registry=registry,
        )

    def _add_engines(self, registry: CollectorRegistry) -> None:
        self.engine_up = Gauge(
            "semtoken_engine_up",
            "Whether an engine is healthy.",
            ("engine",),
            registry=registry,
            multiprocess_mode="livemin",
        )
        self.engine_requests = Counter(
            "semtoken_engine_requests_total", "Requests sent to engines.", ("engine", "outcome"), registry=registry
        )
        self.engine_breaker_open = Gauge(
            "semtoken_engine_breaker_open",
            "Whether an engine is left alone because requests failed there one after another.",
            ("engine",),
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.engine_choices = Counter(
            "semtoken_engine_choices_total", "Choices of an engine, by what decided.", ("how",), registry=registry
        )
        self.engine_retries = Counter(
            "semtoken_engine_retries_total", "Requests sent again, by what was wrong.", ("cause",), registry=registry
        )
        self.engine_retries_withheld = Counter(
            "semtoken_engine_retries_withheld_total", "Retries that the budget did not allow.", registry=registry
        )
        build = Gauge(
            "semtoken_build_info",
            "Always 1; the label tells the version.",
            ("version",),
            registry=registry,
            multiprocess_mode="livemax",
        )
        build.labels(__version__).set(1)

    def _add_quality(self, registry: CollectorRegistry) -> None:
        """``model`` is one of the engine's own list."""
        self.quality_drift = Histogram(
            "semtoken_quality_drift",
            "Nats per token by which a sampled answer is likelier after the compressed prompt than after the full one.",
            ("model",),
            buckets=_DRIFT,
            registry=registry,
        )
        self.quality_mean_drift = Gauge(
            "semtoken_quality_mean_drift",
            "The moving mean of the drift, each sample clipped, that decides about compression.",
            ("model",),
            registry=registry,
            multiprocess_mode="livemostrecent",
        )
        self.quality_switched_off = Gauge(
            "semtoken_quality_switched_off",
            "Whether compression is switched off for a model, probes included.",
            ("model",),
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.quality_replays = Counter(
            "semtoken_quality_replays_total",
            "What became of requests that were drawn to have their quality measured.",
            ("outcome",),
            registry=registry,
        )

    def count_cache_event(self, event: CacheEvent, count: int) -> None:
        """Observe the cache of encoder vectors, from any thread."""
        self.cache_events.labels(event).inc(count)

    def render(self, accept: str) -> tuple[bytes, str]:
        """The exposition and its content type, in the format that ``accept`` asks for."""
        registry = self._registry
        if self._multiprocess_dir is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=str(self._multiprocess_dir))  # type: ignore[no-untyped-call]
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type


def forget_process(pid: int, multiprocess_dir: Path) -> None:
    """Take the gauges of a process that has ended out of the sum; what it counted stays."""
    mark_process_dead(pid, str(multiprocess_dir))  # type: ignore[no-untyped-call]
