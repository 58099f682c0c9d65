"""What a replica counts, as metrics of Ray, which exports those of every process of a node at one port.

Each sample becomes a gauge of the same name and labels, with Ray's prefix `ray_` and its labels `application`,
`deployment` and `replica`: counters and buckets too, which to PromQL's ``rate`` are counters still.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from prometheus_client.parser import text_string_to_metric_families

from semtoken_server.metrics import Metrics

logger = logging.getLogger(__name__)

_PERIOD_S = 5.0


class Gauge(Protocol):
    """One of Ray's."""

    def set(self, value: float, tags: dict[str, str]) -> None:
        """What the series with these labels is now."""


NewGauge = Callable[[str, str, tuple[str, ...]], Gauge]
"""Makes one from its name, its meaning and the names of its labels."""


class RayMetrics:
    """The gauges of one replica, made as their samples come up."""

    def __init__(self, metrics: Metrics, new_gauge: NewGauge) -> None:
        self._metrics = metrics
        self._new_gauge = new_gauge
        self._gauges: dict[str, Gauge] = {}

    async def publish(self) -> None:
        """Set every gauge to what its sample is now; what Ray raises is logged, and the next round tries again."""
        # Ray names no errors of its own that its metrics raise, so that each would have to be caught.
        (failed,) = await asyncio.gather(self._set_all(), return_exceptions=True)
        if failed is not None:
            logger.warning("figures were not published to Ray: %r", failed, exc_info=failed)

    async def _set_all(self) -> None:
        exposition, _ = self._metrics.render("")
        for family in text_string_to_metric_families(exposition.decode()):
            for sample in family.samples:
                if not sample.name.endswith("_created"):
                    labels = dict(sample.labels)
                    self._gauge(sample.name, family.documentation, tuple(labels)).set(sample.value, tags=labels)

    def _gauge(self, name: str, meaning: str, labels: tuple[str, ...]) -> Gauge:
        if name not in self._gauges:
            self._gauges[name] = self._new_gauge(name, meaning, labels)
        return self._gauges[name]


@asynccontextmanager
async def publishing(metrics: Metrics, new_gauge: NewGauge, *, period_s: float = _PERIOD_S) -> AsyncIterator[None]:
    """Publish every ``period_s`` for as long as this lasts, and once at the end."""
    ray_metrics = RayMetrics(metrics, new_gauge)

    async def publish() -> None:
        while True:
            await ray_metrics.publish()
            await asyncio.sleep(period_s)

    task = asyncio.create_task(publish())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await ray_metrics.publish()
