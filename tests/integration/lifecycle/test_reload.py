"""SIGHUP: settings taken over while requests go on."""

from __future__ import annotations

import signal
from pathlib import Path

from integration.lifecycle.conftest import CHAT, Gateway, Serve, chat, children, eventually, write_settings
from integration.lifecycle.streams import Stream


def refused(gateway: Gateway) -> bool:
    """Whether a body of some size is over the limit."""
    body = chat(1) | {"user": "x" * 1000}
    return gateway.client.post(gateway.url + CHAT, json=body).status_code == 413


def test_one_process_takes_them_over_in_place(serve: Serve, tmp_path: Path, paced_engine: str) -> None:
    gateway = serve()
    stream = Stream(gateway.url, tokens=50)
    assert not refused(gateway)
    (tmp_path / "settings.yaml").write_text("no_such_setting: 1\n")
    gateway.signal(signal.SIGHUP)
    eventually(lambda: "no_such_setting" in gateway.log.read_text())
    assert not refused(gateway)
    write_settings(tmp_path / "settings.yaml", paced_engine, max_body_bytes=500, device="cpu")
    gateway.signal(signal.SIGHUP)
    eventually(lambda: refused(gateway), "the new limit did not hold")
    assert "only a restart takes them over: device" in gateway.log.read_text()
    assert stream.finished().whole


def test_workers_are_replaced_one_by_one_without_a_request_lost(
    serve: Serve, tmp_path: Path, paced_engine: str
) -> None:
    gateway = serve("--workers", "2", drain_delay_s=300)
    eventually(lambda: len(workers(gateway)) == 2, "not all workers serve")
    before = workers(gateway)
    streams = [Stream(gateway.url, tokens=50) for _ in range(6)]
    write_settings(tmp_path / "settings.yaml", paced_engine, max_body_bytes=500, drain_delay_s=0)
    gateway.signal(signal.SIGHUP)
    statuses: set[int] = set()

    def replaced() -> bool:
        statuses.add(gateway.status())
        return "takes the place" in gateway.log.read_text() and not before & workers(gateway)

    eventually(replaced, "workers were not replaced")
    assert statuses == {200}
    assert all(stream.finished().whole for stream in streams)
    for _ in range(10):
        assert refused(gateway)
    gateway.signal(signal.SIGTERM)
    assert gateway.ended() == 0


def workers(gateway: Gateway) -> set[int]:
    """Process ids of workers, as the log has them when they begin to serve, that are still running."""
    running = set(children(gateway.process.pid))
    lines = gateway.log.read_text().splitlines()
    return {int(line.rpartition("[")[2].rstrip("]")) for line in lines if "Started server process" in line} & running
