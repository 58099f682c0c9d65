"""What a replica counts is published for as long as it lives, whatever Ray's gauges do."""

from __future__ import annotations

import asyncio
import logging

import pytest
from semtoken_server.metrics import Metrics
from semtoken_server.ray_metrics import publishing

ABORTS = "semtoken_stream_aborts_total"


class Gauges:
    """Keeps what gauges are set to; the first ``failures`` of them that are set raise."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.values: dict[str, float] = {}

    def __call__(self, name: str, meaning: str, labels: tuple[str, ...]) -> _Gauge:
        assert meaning
        return _Gauge(self, name, labels)


class _Gauge:
    def __init__(self, gauges: Gauges, name: str, labels: tuple[str, ...]) -> None:
        self._gauges, self._name, self._labels = gauges, name, labels

    def set(self, value: float, tags: dict[str, str]) -> None:
        assert set(tags) == set(self._labels)
        if self._gauges.failures:
            self._gauges.failures -= 1
            raise OSError("the agent is away")
        self._gauges.values[self._name] = value


async def published(metrics: Metrics, gauges: Gauges) -> None:
    """Returns once no gauge fails any more, and a change has been published."""
    async with asyncio.timeout(20), publishing(metrics, gauges, period_s=0.01):
        while gauges.failures or ABORTS not in gauges.values:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        before = gauges.values[ABORTS]
        metrics.stream_aborts.labels("engine").inc()
        while gauges.values[ABORTS] == before:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


async def test_what_is_counted_is_published_round_by_round(caplog: pytest.LogCaptureFixture) -> None:
    metrics, gauges = Metrics(), Gauges()
    metrics.stream_aborts.labels("engine").inc()
    await published(metrics, gauges)
    assert gauges.values[ABORTS] == 2
    assert not any(name.endswith("_created") for name in gauges.values)
    assert not caplog.records


async def test_a_round_that_fails_is_told_and_the_next_one_publishes(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    metrics.stream_aborts.labels("engine").inc()
    with caplog.at_level(logging.WARNING):
        await published(metrics, Gauges(failures=2))
    told = [record.getMessage() for record in caplog.records]
    assert told == ["figures were not published to Ray: OSError('the agent is away')"] * 2
    assert all(record.exc_info for record in caplog.records)


async def test_the_replica_ends_in_order_where_the_last_round_fails(caplog: pytest.LogCaptureFixture) -> None:
    gauges = Gauges()
    async with publishing(Metrics(), gauges, period_s=60):
        await asyncio.sleep(0)
        gauges.failures = 1
    assert "the agent is away" in caplog.text


async def test_what_was_counted_last_is_published_at_the_end() -> None:
    metrics, gauges = Metrics(), Gauges()
    async with publishing(metrics, gauges, period_s=60):
        metrics.stream_aborts.labels("engine").inc()
    assert gauges.values[ABORTS] == 1
