"""The spans of one request: their order, names, attributes and errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from fakes.compressors import with_broken_encoder
from fakes.encoders import small_tokenizer
from fakes.engine import TROUBLE_AT, WORDS, FakeEngine
from fakes.serving import Served, eventually, gateway
from fakes.texts import chat, rag

pytest.importorskip("opentelemetry.sdk.trace", reason="the extra `otel` is not installed")

from fakes.spans import STAGES, Spans, parent_id, span_id, told, trace_id
from opentelemetry.trace import SpanKind, StatusCode

CHAT = "/v1/chat/completions"
REQUEST = f"POST {CHAT}"
ATTEMPT = "chat fake-model"


@pytest.fixture
def spans() -> Spans:
    return Spans()


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    async with FakeEngine(small_tokenizer()) as engine:
        yield engine


@pytest.fixture
async def served(engine: FakeEngine, spans: Spans) -> AsyncIterator[Served]:
    async with gateway(engine, tracing=spans.tracing) as served:
        yield served


async def test_a_chat_is_a_trace_of_its_parts(served: Served, spans: Spans) -> None:
    response = await served.post(CHAT, chat(rag()))
    assert sorted(spans.names) == sorted([REQUEST, "parse", "compress", *STAGES, ATTEMPT])
    assert len({trace_id(span) for span in spans.all}) == 1
    request, compress = spans.named(REQUEST), spans.named("compress")
    assert parent_id(request) == ""
    for name in ("parse", "compress", ATTEMPT):
        assert parent_id(spans.named(name)) == span_id(request)
    for name in STAGES:
        assert parent_id(spans.named(name)) == span_id(compress)
    assert (request.kind, spans.named(ATTEMPT).kind) == (SpanKind.SERVER, SpanKind.CLIENT)
    assert told(request) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.route": CHAT,
        "url.scheme": "http",
        "url.path": CHAT,
        "network.protocol.version": "1.1",
        "semtoken.request_id": response.headers["x-request-id"],
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "vllm",
        "gen_ai.request.model": "fake-model",
        "gen_ai.response.model": "fake-model",
        "gen_ai.usage.input_tokens": int(response.headers["x-semtoken-forwarded-tokens"]),
        "gen_ai.usage.output_tokens": len(WORDS),
    }
    assert all(span.status.status_code is StatusCode.UNSET for span in spans.all)


async def test_compress_tells_what_the_headers_tell_and_its_stages_follow_one_another(
    served: Served, spans: Spans
) -> None:
    headers = (await served.post(CHAT, chat(rag()))).headers
    compress = spans.named("compress")
    attributes = told(compress)
    original, forwarded = (int(headers[f"x-semtoken-{name}-tokens"]) for name in ("original", "forwarded"))
    assert attributes.pop("semtoken.queue_seconds") > 0
    assert attributes == {
        "semtoken.status": "compressed",
        "semtoken.reason": "ok",
        "semtoken.original_tokens": original,
        "semtoken.forwarded_tokens": forwarded,
        "semtoken.ratio": round(original / forwarded, 4),
    }
    at = compress.start_time or 0
    for stage in map(spans.named, STAGES):
        assert stage.start_time is not None
        assert stage.end_time is not None
        assert at <= stage.start_time < stage.end_time
        at = stage.end_time
    assert at <= (compress.end_time or 0)


async def test_the_attempt_tells_its_engine_and_when_the_first_byte_came(served: Served, spans: Spans) -> None:
    await served.post(CHAT, chat(rag()))
    attempt = spans.named(ATTEMPT)
    host, port = served.engine.name.split(":")
    assert told(attempt) == {
        "semtoken.engine": served.engine.name,
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "url.full": served.engine.url + CHAT,
        "server.address": host,
        "server.port": int(port),
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "vllm",
        "gen_ai.request.model": "fake-model",
    }
    assert [event.name for event in attempt.events] == ["first_byte"]


async def test_a_stream_lasts_to_its_last_byte_and_tells_usage_where_the_client_wants_it(
    served: Served, spans: Spans
) -> None:
    wanted = chat(rag(), stream=True, stream_options={"include_usage": True})
    response = await served.post(CHAT, wanted)
    request, attempt = told(spans.named(REQUEST)), told(spans.named(ATTEMPT))
    assert request["gen_ai.request.stream"] is True
    assert request["gen_ai.usage.input_tokens"] == int(response.headers["x-semtoken-forwarded-tokens"])
    assert request["gen_ai.usage.output_tokens"] == len(WORDS)
    assert attempt["gen_ai.response.time_to_first_chunk"] > 0
    spans.clear()
    await served.post(CHAT, chat(rag(), stream=True))
    assert "gen_ai.usage.input_tokens" not in told(spans.named(REQUEST))
    spans.clear()
    served.engine.behaviour = "stall_midway"
    served.engine.arrived.clear()
    asking = asyncio.create_task(served.post(CHAT, wanted))
    await served.engine.arrived.wait()
    await eventually(lambda: "compress" in spans.names)
    assert REQUEST not in spans.names
    served.engine.resume.set()
    await asking
    assert spans.named(ATTEMPT).events


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("/v1/responses", {"input": rag()}),
        ("/v1/messages", {"messages": [{"role": "user", "content": rag()}], "max_tokens": 9}),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_other_families_tell_usage_too(
    served: Served, spans: Spans, route: str, body: dict[str, object], stream: bool
) -> None:
    await served.post(route, {"model": "fake-model", "stream": stream, **body})
    request = told(spans.named(f"POST {route}"))
    assert request["gen_ai.operation.name"] == "chat"
    assert request["gen_ai.usage.output_tokens"] == len(WORDS)


async def test_each_route_has_its_operation(served: Served, spans: Spans) -> None:
    await served.post("/v1/completions", {"model": "fake-model", "prompt": rag()})
    assert told(spans.named("POST /v1/completions"))["gen_ai.operation.name"] == "text_completion"
    assert spans.named("encode")
    await served.post("/v1/embeddings", {"model": "fake-model", "input": "text"})
    assert parent_id(spans.named("embeddings fake-model")) == span_id(spans.named("POST /v1/embeddings"))
    await served.post("/tokenize", {"model": "fake-model", "prompt": "text"})
    assert "gen_ai.operation.name" not in told(spans.every("POST /tokenize")[0])
    assert [span.kind for span in spans.every("POST /tokenize")] == [SpanKind.SERVER, SpanKind.CLIENT]
    spans.clear()
    await served.post("/v1/compress", {"text": rag()})
    assert sorted(spans.names) == sorted(["POST /v1/compress", "parse", "compress", *STAGES])
    spans.clear()
    await served.client.get("/v1/models")
    assert [span.kind for span in spans.every("GET /v1/models")] == [SpanKind.SERVER, SpanKind.CLIENT]


async def test_health_metrics_and_the_playground_are_not_traced(served: Served, spans: Spans) -> None:
    for path in ("/health/live", "/health/ready", "/metrics", "/playground"):
        assert (await served.client.get(path)).status_code == 200
    assert spans.names == []


async def test_a_request_at_fault_is_told_by_the_kind_of_its_error(served: Served, spans: Spans) -> None:
    await served.post(CHAT, b'{"messages": ')
    request, parse = spans.named(REQUEST), spans.named("parse")
    assert told(request)["error.type"] == told(parse)["error.type"] == "BadRequestError"
    assert told(request)["http.response.status_code"] == 400
    assert request.status.status_code is StatusCode.UNSET
    spans.clear()
    await served.client.get("/v1/nothing")
    assert told(spans.named("GET unmatched"))["error.type"] == "HTTPException"
    assert "http.route" not in told(spans.named("GET unmatched"))


async def test_a_refusal_of_the_engine_is_told(served: Served, spans: Spans) -> None:
    served.engine.behaviour = "refuse"
    assert (await served.post(CHAT, chat(rag()))).status_code == 400
    assert told(spans.named(REQUEST))["error.type"] == told(spans.named(ATTEMPT))["error.type"] == "400"
    assert spans.named(ATTEMPT).status.status_code is StatusCode.ERROR
    assert spans.named(REQUEST).status.status_code is StatusCode.UNSET


async def test_each_attempt_is_a_span(served: Served, spans: Spans) -> None:
    served.engine.behaviour = "die"
    assert (await served.post(CHAT, chat(rag()))).status_code == 502
    attempts = spans.every(ATTEMPT)
    assert [told(span).get("http.request.resend_count") for span in attempts] == [None, 1, 2]
    assert {told(span)["error.type"] for span in attempts} == {"EngineConnectionError"}
    request = spans.named(REQUEST)
    assert told(request)["error.type"] == "EngineConnectionError"
    assert request.status.status_code is StatusCode.ERROR


async def test_the_attempt_that_helped_is_told_from_the_one_that_did_not(engine: FakeEngine, spans: Spans) -> None:
    async with (
        FakeEngine(small_tokenizer()) as other,
        gateway(engine, others=[other], tracing=spans.tracing) as served,
    ):
        await eventually(lambda: all(served.gateway.engine.health.values()))
        await served.post(CHAT, chat(rag()))
        # The one that has the beginning of this chat in its cache is asked first.
        first, second = (engine, other) if engine.received else (other, engine)
        first.behaviour = "die"
        spans.clear()
        assert (await served.post(CHAT, chat(rag()))).status_code == 200
    attempts = spans.every(ATTEMPT)
    assert [told(span)["semtoken.engine"] for span in attempts] == [first.name, second.name]
    assert [told(span).get("error.type") for span in attempts] == ["EngineConnectionError", None]
    assert "error.type" not in told(spans.named(REQUEST))


async def test_a_busy_engine_is_an_attempt_with_its_status(served: Served, spans: Spans) -> None:
    served.engine.behaviour = "busy"
    assert (await served.post(CHAT, chat(rag()))).status_code == 503
    assert told(spans.every(ATTEMPT)[0])["error.type"] == "503"


async def test_a_stream_that_breaks_off_is_an_error_under_its_status(served: Served, spans: Spans) -> None:
    served.engine.behaviour = "die_midway"
    served.engine.resume.set()
    response = await served.post(CHAT, chat(rag(), stream=True))
    assert response.text.count("data: ") > TROUBLE_AT
    request = spans.named(REQUEST)
    assert told(request)["http.response.status_code"] == 200
    assert told(request)["error.type"] == "EngineConnectionError"
    assert request.status.status_code is StatusCode.ERROR
    assert spans.named(ATTEMPT).end_time is not None


async def test_a_client_that_leaves_ends_all_spans(served: Served, spans: Spans) -> None:
    served.engine.behaviour = "stall"
    asking = asyncio.create_task(served.post(CHAT, chat(rag())))
    await served.engine.arrived.wait()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await eventually(lambda: REQUEST in spans.names)
    assert told(spans.named(ATTEMPT))["error.type"] == "cancelled"
    assert told(spans.named(REQUEST))["error.type"] == "ClientDisconnectedError"


async def test_a_compression_that_fails_open_says_so_and_one_that_fails_closed_is_an_error(
    engine: FakeEngine, spans: Spans
) -> None:
    async with gateway(engine, with_broken_encoder, tracing=spans.tracing) as served:
        await served.post(CHAT, chat(rag()))
        assert told(spans.named("compress"))["semtoken.status"] == "failed-open"
        assert told(spans.named(REQUEST))["http.response.status_code"] == 200
        spans.clear()
        await served.post(CHAT, chat(rag(), semtoken={"on_failure": "closed"}))
    assert told(spans.named("compress"))["error.type"] == "CompressionUnavailableError"
    assert spans.named(REQUEST).status.status_code is StatusCode.ERROR
