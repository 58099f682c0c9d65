"""What a replica counts, as metrics of Ray, which exports those of every process of a node at one port.

Each sample becomes a gauge of the same name and labels, with Ray's prefix `ray_` and its labels `application`,
`deployment` and `replica`: counters and buckets too, which to PromQL's ``rate`` are counters still.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client.parser import text_string_to_metric_families
from ray.serve.metrics import Gauge

from semtoken_server.metrics import Metrics

_PERIOD_S = 5.0


class RayMetrics:
    """The gauges of one replica, made as their samples come up."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._gauges: dict[str, Gauge] = {}

    def publish(self) -> None:
        """Set every gauge to what its sample is now."""
        exposition, _ = self._metrics.render("")
        for family in text_string_to_metric_families(exposition.decode()):
            for sample in family.samples:
                if not sample.name.endswith("_created"):
                    labels = dict(sample.labels)
                    self._gauge(sample.name, family.documentation, tuple(labels)).set(sample.value, tags=labels)

    def _gauge(self, name: str, meaning: str, labels: tuple[str, ...]) -> Gauge:
        if name not in self._gauges:
            # Ray says a tuple of one, and takes any.
            self._gauges[name] = Gauge(name, meaning, tag_keys=labels)  # type: ignore[arg-type]
        return self._gauges[name]


@asynccontextmanager
async def publishing(metrics: Metrics) -> AsyncIterator[None]:
    """Publish every few seconds for as long as this lasts, and once at the end."""
    ray_metrics = RayMetrics(metrics)

    async def publish() -> None:
        while True:
            ray_metrics.publish()
            await asyncio.sleep(_PERIOD_S)

    task = asyncio.create_task(publish())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        ray_metrics.publish()
