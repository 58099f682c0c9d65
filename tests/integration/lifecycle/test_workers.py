"""Several workers: each dies alone, and all with their parent, however and whenever that is killed."""

from __future__ import annotations

import os
import signal
import time

import httpx
import pytest
from fakes.processes import free_port, members
from integration.lifecycle.conftest import Serve, eventually
from integration.lifecycle.streams import Stream
from integration.lifecycle.test_reload import workers


@pytest.mark.parametrize("after_s", [1.0, 4.0, 8.0])
def test_a_parent_killed_while_it_starts_leaves_nobody(serve: Serve, after_s: float) -> None:
    gateway = serve("--workers", "2", ready=False)
    time.sleep(after_s)
    os.kill(gateway.process.pid, signal.SIGKILL)
    gateway.process.wait()
    eventually(lambda: members(gateway.process.pid) == [], f"left: {members(gateway.process.pid)}", 60)


def test_a_parent_killed_under_way_frees_the_port_and_lets_streams_finish(serve: Serve) -> None:
    gateway = serve("--workers", "2", drain_delay_s=300)
    stream = Stream(gateway.url, tokens=60)
    os.kill(gateway.process.pid, signal.SIGKILL)
    gateway.process.wait()
    eventually(lambda: gateway.status() == 0, "the port is still taken", 5)
    assert stream.finished().whole
    eventually(lambda: members(gateway.process.pid) == [], f"left: {members(gateway.process.pid)}")


def test_a_parent_killed_while_it_drains_leaves_nobody(serve: Serve) -> None:
    gateway = serve("--workers", "2", drain_delay_s=300, drain_s=2)
    stream = Stream(gateway.url, tokens=10_000)
    gateway.signal(signal.SIGTERM)
    eventually(lambda: gateway.status() == 503)
    os.kill(gateway.process.pid, signal.SIGKILL)
    gateway.process.wait()
    assert "shutting_down" in stream.finished().text
    eventually(lambda: members(gateway.process.pid) == [], f"left: {members(gateway.process.pid)}")


def test_a_worker_that_is_killed_is_replaced_and_its_gauges_go(serve: Serve) -> None:
    operations = free_port()
    gateway = serve("--workers", "2", operations_port=operations)
    eventually(lambda: len(workers(gateway)) == 2)
    streams = [Stream(gateway.url, tokens=10_000) for _ in range(4)]
    eventually(lambda: inflight(gateway.operations_url) == 5)  # and the request for the metrics
    before = workers(gateway)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    for stream in streams:
        assert stream.finished().fault
    eventually(lambda: len(workers(gateway) - before) == 2, "they were not replaced")
    assert inflight(gateway.operations_url) == 1
    shown = metrics(gateway.operations_url)
    assert shown['semtoken_engine_up{engine="' + engine_of(shown) + '"}'] == 1


@pytest.mark.parametrize("flags", [(), ("--workers", "2")])
def test_the_operations_port_has_metrics_and_all_that_the_playground_asks(serve: Serve, flags: tuple[str, ...]) -> None:
    operations = free_port()
    gateway = serve(*flags, operations_port=operations)
    for _ in range(8):
        with httpx.Client(base_url=gateway.operations_url, trust_env=False) as client:
            assert client.get("/health/ready").status_code == 200
            assert client.get("/health/live").status_code == 200
            assert "semtoken_build_info" in client.get("/metrics").text
            assert client.get("/playground").status_code == 200
            assert client.get("/v1/models").status_code == 200
            assert client.get("/sleep").status_code == 404
    assert gateway.get("/metrics").status_code == 404
    assert gateway.get("/health/ready").status_code == 200
    assert gateway.get("/v1/models").status_code == 200


def metrics(url: str) -> dict[str, float]:
    lines = httpx.get(f"{url}/metrics", trust_env=False, timeout=30).text.splitlines()
    pairs = [line.rpartition(" ") for line in lines if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in pairs}


def inflight(url: str) -> float:
    return metrics(url)["semtoken_inflight_requests"]


def engine_of(shown: dict[str, float]) -> str:
    (name,) = [name for name in shown if name.startswith("semtoken_engine_up")]
    return name.partition('engine="')[2].partition('"')[0]
