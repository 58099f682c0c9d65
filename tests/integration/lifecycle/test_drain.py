"""A gateway that is told to stop: not ready, then closed, and no request lost."""

from __future__ import annotations

import signal

import httpx
import pytest
from fakes.processes import members
from integration.lifecycle.conftest import CHAT, Serve, chat, eventually
from integration.lifecycle.streams import Stream

WORKERS = pytest.mark.parametrize("workers", ["1", "2"])


@WORKERS
def test_a_stream_finishes_and_requests_are_taken_while_a_balancer_has_to_notice(serve: Serve, workers: str) -> None:
    gateway = serve("--workers", workers, drain_delay_s=3)
    stream = Stream(gateway.url, tokens=60)
    kept = gateway.get("/health/live")
    assert "connection" not in kept.headers
    gateway.signal(signal.SIGTERM)
    eventually(lambda: gateway.status() == 503, "it was still ready")
    told = gateway.get("/health/ready")
    assert told.json()["status"] == "draining"
    late = gateway.client.post(gateway.url + CHAT, json=chat(2))
    assert late.status_code == 200
    assert late.headers["connection"] == "close"
    assert late.text.endswith("data: [DONE]\n\n")
    eventually(lambda: gateway.status() == 0, "it still listened")
    assert gateway.process.poll() is None
    assert stream.finished().whole, stream.fault
    assert gateway.ended() == 0
    eventually(lambda: members(gateway.process.pid) == [])


@WORKERS
def test_what_is_left_at_the_end_gets_an_error_and_no_cut(serve: Serve, workers: str) -> None:
    gateway = serve("--workers", workers, drain_s=1)
    streams = [Stream(gateway.url, tokens=10_000) for _ in range(5)]
    gateway.signal(signal.SIGTERM)
    for stream in streams:
        stream.finished()
        assert stream.fault == ""
        assert stream.status == 200
        last = stream.text.rstrip().rsplit("\n\n", 1)[-1]
        assert '"code":"shutting_down"' in last
        assert "[DONE]" not in stream.text
    assert gateway.ended() == 0
    assert "Exception in ASGI" not in gateway.log.read_text()


@WORKERS
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once_and_in_order(serve: Serve, workers: str, number: signal.Signals) -> None:
    gateway = serve("--workers", workers, drain_delay_s=300, drain_s=300)
    stream = Stream(gateway.url, tokens=10_000)
    gateway.signal(number)
    eventually(lambda: gateway.status() == 503)
    gateway.signal(number)
    assert '"code":"shutting_down"' in stream.finished().text
    assert stream.fault == ""
    assert gateway.ended(30) == 0


def test_a_client_that_does_not_read_holds_nobody_up(serve: Serve) -> None:
    gateway = serve(drain_s=0)
    with httpx.Client(trust_env=False) as client, client.stream("POST", gateway.url + CHAT, json=chat(10_000)):
        gateway.signal(signal.SIGTERM)
        assert gateway.ended(30) == 0
