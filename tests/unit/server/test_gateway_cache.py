"""The cache that the settings ask for, and what /metrics tells of it."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.texts import document
from fakes.tiny_models import make_encoder
from prometheus_client.parser import text_string_to_metric_families
from semtoken.encoders import EncoderInput
from semtoken.segment import segment
from semtoken_server.compression.cache import build_cache
from semtoken_server.metrics import Metrics
from semtoken_server.settings import Settings

INPUT = [EncoderInput(document(40), segment(document(40)).starts)]
# Nothing listens on port 1 of loopback.
NO_REDIS = "redis://127.0.0.1:1/0"


def events(metrics: Metrics) -> dict[str, float]:
    (family,) = (
        family
        for family in text_string_to_metric_families(metrics.render("")[0].decode())
        if family.name == "semtoken_cache_events"
    )
    return {sample.labels["event"]: sample.value for sample in family.samples if sample.name.endswith("_total")}


@pytest.mark.parametrize(
    ("given", "second_time"),
    [
        ({}, {"hit", "miss"}),
        ({"cache_bytes": 1}, {"miss", "rejected"}),
        ({"cache_redis_url": NO_REDIS}, {"hit", "miss", "error"}),
        ({"cache_bytes": 0, "cache_redis_url": NO_REDIS}, {"miss", "error"}),
    ],
)
def test_what_is_counted_when_a_text_comes_twice(given: dict[str, Any], second_time: set[str]) -> None:
    metrics = Metrics()
    cache = build_cache(Settings.load(**given), metrics.count_cache_event)
    assert cache is not None
    encoder = make_encoder(cache)
    for _ in range(2):
        encoder.encode(INPUT)
    counted = events(metrics)
    assert {event for event, count in counted.items() if count} == second_time
    if "hit" in second_time:
        assert counted["hit"] == counted["miss"]


def test_no_cache_where_none_is_wanted() -> None:
    assert build_cache(Settings.load(cache_bytes=0), Metrics().count_cache_event) is None
