"""Spans of a gateway of several processes, at a collector."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest
from integration.lifecycle.conftest import CHAT, Serve, chat, eventually

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra `otel` is not installed")

from fakes.collector import Collector, Sent, collector

REQUEST = f"POST {CHAT}"


@pytest.fixture
def sink() -> Iterator[Collector]:
    with collector() as sink:
        yield sink


def identity_of(sent: Sent) -> str:
    """The id of the request that a span is of."""
    told = {each.key: each.value.string_value for each in sent.span.attributes}
    return str(told["semtoken.request_id"])


@pytest.mark.parametrize(("flags", "processes"), [((), 1), (("--workers", "2"), 2)])
def test_no_span_is_lost_when_it_ends(
    serve: Serve, sink: Collector, flags: Sequence[str], processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Milliseconds between batches, so that it is seen soon which workers have served.
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
    gateway = serve(*flags, tracing_endpoint=sink.url)
    identities: set[str] = set()

    def all_have_served() -> bool:
        with httpx.Client(trust_env=False, timeout=60) as client:
            answer = client.post(gateway.url + CHAT, json=chat(2, stream=len(identities) % 2 == 0))
        identities.add(answer.headers["x-request-id"])
        served = {each.resource["process.pid"] for each in sink.sent if each.span.name == REQUEST}
        return len(served) == processes

    eventually(all_have_served)
    gateway.signal(signal.SIGTERM)
    assert gateway.ended() == 0
    requests = [each for each in sink.sent if each.span.name == REQUEST]
    assert sorted(map(identity_of, requests)) == sorted(identities)


def test_new_workers_take_over_where_spans_go(serve: Serve, sink: Collector, tmp_path: Path) -> None:
    gateway = serve("--workers", "2")
    with (tmp_path / "settings.yaml").open("a") as file:
        file.write(f"tracing_endpoint: {sink.url}\n")
    gateway.signal(signal.SIGHUP)
    eventually(lambda: gateway.log.read_text().count("takes the place of") == 2)

    def traced() -> bool:
        # The old ones, which trace nothing, may take a request or two before they are gone.
        assert httpx.post(gateway.url + CHAT, json=chat(2), trust_env=False, timeout=60).status_code == 200
        return REQUEST in sink.names

    eventually(traced)
    gateway.signal(signal.SIGTERM)
    assert gateway.ended() == 0


def test_a_collector_that_never_answers_does_not_keep_it_from_ending(serve: Serve, sink: Collector) -> None:
    sink.answers.clear()
    gateway = serve("--workers", "2", tracing_endpoint=sink.url)
    assert gateway.client.post(gateway.url + CHAT, json=chat(2)).status_code == 200
    gateway.signal(signal.SIGTERM)
    # A worker that hung would be killed by its parent, which then says so in its status.
    assert gateway.ended(40) == 0
    assert sink.paths == []
    assert "ended with -9" not in gateway.log.read_text()
