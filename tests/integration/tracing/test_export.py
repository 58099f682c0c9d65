"""Spans on their way to a collector, over a real connection; and collectors that are no help."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from fakes.encoders import small_tokenizer
from fakes.engine import FakeEngine
from fakes.processes import free_port
from fakes.serving import gateway
from fakes.texts import chat, rag
from semtoken_server import __version__
from semtoken_server.settings import Settings
from semtoken_server.tracing.base import NO_TRACING
from semtoken_server.tracing.build import build_tracing

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra `otel` is not installed")

from fakes.collector import Collector, collector
from opentelemetry.proto.trace.v1.trace_pb2 import Span

CHAT = "/v1/chat/completions"


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    async with FakeEngine(small_tokenizer()) as engine:
        yield engine


@pytest.fixture
def sink() -> Iterator[Collector]:
    with collector() as sink:
        yield sink


async def ask(engine: FakeEngine, endpoint: str, share: float = 1.0) -> None:
    """One chat to a gateway that ends thereafter."""
    tracing = build_tracing(Settings.load(tracing_endpoint=endpoint, tracing_share=share))
    async with gateway(engine, tracing=tracing) as served:
        response = await served.post(CHAT, chat(rag()))
    assert response.headers["x-semtoken-status"] == "compressed"


@pytest.mark.parametrize(("given", "path"), [("", "/v1/traces"), ("/", "/v1/traces"), ("/otlp/in", "/otlp/in")])
async def test_a_collector_has_all_spans_when_the_gateway_has_ended(
    engine: FakeEngine, sink: Collector, given: str, path: str
) -> None:
    await ask(engine, sink.url + given)
    assert set(sink.paths) == {path}
    request = next(each for each in sink.sent if each.span.name == f"POST {CHAT}")
    assert request.span.kind == Span.SPAN_KIND_SERVER
    assert request.resource["service.name"] == "semtoken"
    assert request.resource["service.version"] == __version__
    within = {each.span.name for each in sink.sent if each.span.parent_span_id == request.span.span_id}
    assert within == {"parse", "compress", "chat fake-model"}
    assert {each.span.trace_id for each in sink.sent} == {request.span.trace_id}


async def test_the_standard_variables_name_the_service(
    engine: FakeEngine, sink: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "front")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    await ask(engine, sink.url)
    assert {each.resource["service.name"] for each in sink.sent} == {"front"}
    assert {each.resource["deployment.environment.name"] for each in sink.sent} == {"test"}


async def test_of_share_0_nothing_is_sent(engine: FakeEngine, sink: Collector) -> None:
    await ask(engine, sink.url, share=0.0)
    assert sink.paths == []


async def test_a_collector_that_is_not_there_costs_no_request(engine: FakeEngine) -> None:
    await ask(engine, f"http://127.0.0.1:{free_port()}")


async def test_a_collector_that_never_answers_does_not_keep_the_gateway(engine: FakeEngine, sink: Collector) -> None:
    sink.answers.clear()
    await asyncio.wait_for(ask(engine, sink.url), 60)
    assert sink.paths == []


def test_without_an_endpoint_there_is_no_tracing() -> None:
    assert build_tracing(Settings.load()) is NO_TRACING
