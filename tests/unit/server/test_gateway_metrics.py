"""The metrics' names, and that several workers' figures come together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from semtoken_server.metrics import Metrics

OBSERVE = """
import sys
from pathlib import Path
from semtoken_server.metrics import Metrics
metrics = Metrics(Path(sys.argv[1]))
metrics.requests.labels("/v1/completions", "200").inc()
metrics.inflight.inc()
metrics.engine_up.labels("e").set(int(sys.argv[2]))
sys.stdin.readline()
"""


def test_names_follow_the_contract() -> None:
    families = list(text_string_to_metric_families(Metrics().render("")[0].decode()))
    assert {family.name for family in families if not family.name.startswith("semtoken_")} == set()
    assert all(family.documentation.endswith(".") for family in families if not family.name.endswith("_created"))


def test_many_equal_observations_are_as_many_single_ones() -> None:
    def told(metrics: Metrics) -> list[tuple[str, str, float]]:
        families = text_string_to_metric_families(metrics.render("")[0].decode())
        between = next(family for family in families if family.name == "semtoken_inter_token_seconds")
        return [(sample.name, sample.labels.get("le", ""), sample.value) for sample in between.samples]

    single, many = Metrics(), Metrics()
    # Bounds belong to the bucket that they close, and over the last one there is still one.
    for amount in (0.0, 0.005, 0.0051, 2.5, 100.0):
        for _ in range(3):
            single.inter_token_seconds.observe(amount)
        many.inter_token_seconds.observe_many(amount, 3)
    for one, other in zip(told(single), told(many), strict=True):
        assert one[:2] == other[:2]
        assert one[2] == pytest.approx(other[2])


def test_openmetrics_is_served_to_who_asks_for_it() -> None:
    body, content_type = Metrics().render("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


def test_what_is_rare_is_there_before_it_happens() -> None:
    exposed = Metrics().render("")[0].decode()
    assert 'semtoken_stream_aborts_total{side="engine"} 0.0' in exposed
    assert 'semtoken_cache_events_total{event="corrupt"} 0.0' in exposed


def test_several_processes_are_one_exposition(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    command = [sys.executable, "-c", OBSERVE, str(tmp_path)]
    workers = [
        subprocess.Popen([*command, up], env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        for up in ("0", "1")
    ]
    try:
        for worker in workers:
            worker.communicate(b"\n", timeout=120)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    exposed = Metrics(tmp_path).render("")[0].decode()
    assert 'semtoken_requests_total{code="200",route="/v1/completions"} 2.0' in exposed
    assert "semtoken_inflight_requests 2.0" in exposed
    assert 'semtoken_engine_up{engine="e"} 0.0' in exposed
