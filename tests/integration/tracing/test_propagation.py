"""Traces that come from clients and go on to engines; ids; and nothing of it where tracing is off."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from fakes.encoders import small_tokenizer
from fakes.engine import FakeEngine
from fakes.serving import gateway
from fakes.texts import chat, rag

pytest.importorskip("opentelemetry.sdk.trace", reason="the extra `otel` is not installed")

from fakes.spans import Spans, parent_id, span_id, trace_id

CHAT = "/v1/chat/completions"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
SAMPLED = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "vendor=1"}
UNSAMPLED = {"traceparent": f"00-{TRACE}-{CALLER}-00"}


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    async with FakeEngine(small_tokenizer()) as engine:
        yield engine


def continued(engine: FakeEngine) -> tuple[str, str, bool]:
    """Trace, parent, and whether it is recorded, of the last request that the engine got."""
    found = re.fullmatch("00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", engine.last.headers["traceparent"])
    assert found
    # The second bit says that the trace's id is random.
    return found[1], found[2], bool(int(found[3], 16) & 1)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_s_trace_goes_on_through_the_gateway_to_the_engine(engine: FakeEngine, stream: bool) -> None:
    spans = Spans(share=0.0)
    async with gateway(engine, tracing=spans.tracing) as served:
        await served.post(CHAT, chat(rag(), stream=stream), headers=SAMPLED)
    request, attempt = spans.named(f"POST {CHAT}"), spans.named("chat fake-model")
    assert {trace_id(span) for span in spans.all} == {TRACE}
    assert parent_id(request) == CALLER
    assert continued(engine) == (TRACE, span_id(attempt), True)
    assert engine.last.headers["tracestate"] == "vendor=1"


async def test_a_trace_that_begins_here_goes_on_to_the_engine(engine: FakeEngine) -> None:
    spans = Spans()
    async with gateway(engine, tracing=spans.tracing) as served:
        await served.post(CHAT, chat(rag()))
    attempt = spans.named("chat fake-model")
    assert continued(engine) == (trace_id(attempt), span_id(attempt), True)


async def test_a_client_that_does_not_record_is_followed_and_the_engine_is_told_so(engine: FakeEngine) -> None:
    spans = Spans()
    async with gateway(engine, tracing=spans.tracing) as served:
        await served.post(CHAT, chat(rag()), headers=UNSAMPLED)
    assert spans.names == []
    trace, _, recorded = continued(engine)
    assert (trace, recorded) == (TRACE, False)


async def test_of_share_0_nothing_is_recorded(engine: FakeEngine) -> None:
    spans = Spans(share=0.0)
    async with gateway(engine, tracing=spans.tracing) as served:
        await served.post(CHAT, chat(rag()))
    assert spans.names == []
    assert not continued(engine)[2]


@pytest.mark.parametrize("value", ["", "00-0-0-01", f"00-{'0' * 32}-{CALLER}-01", "x" * 5000])
async def test_what_is_no_traceparent_begins_a_trace_of_its_own(engine: FakeEngine, value: str) -> None:
    spans = Spans()
    async with gateway(engine, tracing=spans.tracing) as served:
        assert (await served.post(CHAT, chat(rag()), headers={"traceparent": value})).status_code == 200
    assert parent_id(spans.named(f"POST {CHAT}")) == ""


async def test_every_attempt_at_a_route_passed_through_carries_the_trace_and_the_request_s_id(
    engine: FakeEngine,
) -> None:
    spans = Spans()
    async with gateway(engine, tracing=spans.tracing) as served:
        await served.post("/v1/embeddings", {"input": "x"}, headers={"x-request-id": "mine", **SAMPLED})
    assert engine.passed[-1].headers["x-request-id"] == "mine"
    assert engine.passed[-1].headers["traceparent"].startswith(f"00-{TRACE}-")


async def test_the_request_s_id_reaches_the_engine_and_the_span(engine: FakeEngine) -> None:
    spans = Spans()
    async with gateway(engine, tracing=spans.tracing) as served:
        response = await served.post(CHAT, chat(rag()))
    identity = response.headers["x-request-id"]
    assert engine.last.headers["x-request-id"] == identity
    assert (spans.named(f"POST {CHAT}").attributes or {})["semtoken.request_id"] == identity


async def test_without_tracing_the_engine_gets_no_header_more(engine: FakeEngine) -> None:
    async with gateway(engine, tracing=Spans().tracing) as served:
        await served.post(CHAT, chat(rag()), headers=SAMPLED)
    with_tracing = set(engine.last.headers)
    async with gateway(engine) as served:
        await served.post(CHAT, chat(rag()), headers=SAMPLED)
    assert with_tracing - set(engine.last.headers) == {"traceparent", "tracestate"}
    assert set(engine.last.headers) <= with_tracing
