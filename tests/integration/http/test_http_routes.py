"""The allow-list: what passes to the engine, what the gateway answers itself, and nothing else."""

from __future__ import annotations

import re

import pytest
from fakes.fake_engine import MODEL, FakeEngine
from fakes.serving import Served, eventually, gateway
from fakes.texts import NEEDLE, QUESTION, document, rag

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/load_lora_adapter",
        "/sleep",
        "/start_profile",
        "/inference/v1/generate",
        "/v1/chat/completions/render",
        "/v1/chat/completions/",
        "/v1//chat/completions",
        "/v1/chat/%2e%2e/../sleep",
        "/docs",
        "/openapi.json",
        "/health",
    ],
)
async def test_anything_else_is_404(served: Served, path: str) -> None:
    for method in ("GET", "POST"):
        response = await served.client.request(method, path)
        assert response.status_code == 404
        assert response.json()["error"]["type"] == "invalid_request_error"
    assert served.engine.passed == served.engine.received == []
    assert served.metric("semtoken_requests_total", route="unmatched", code="404") == 2


async def test_a_wrong_method_is_405(served: Served) -> None:
    response = await served.client.get(CHAT)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/embeddings", "/detokenize"])
async def test_bodies_pass_byte_for_byte(served: Served, path: str) -> None:
    raw = b' {"input": ["a",  "\\u00e9"], "seed": 12345678901234567890123}'
    response = await served.post(path, raw)
    assert response.content == served.engine.passed[-1].body == raw
    assert "set-cookie" not in response.headers
    assert response.headers["x-request-id"] != "engine-made"


async def test_tokenize_passes(served: Served) -> None:
    response = await served.post("/tokenize", {"prompt": "Hello"})
    assert response.json()["tokens"] == served.engine.tokenizer.ids("Hello")


async def test_models(served: Served) -> None:
    listed = (await served.client.get("/v1/models")).json()["data"]
    assert [card["id"] for card in listed] == ["adapter", MODEL]
    assert (await served.client.get(f"/v1/models/{MODEL}")).json() == listed[1]
    missing = await served.client.get("/v1/models/org/other")
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "model_not_found"


@pytest.mark.parametrize("path", [CHAT, "/v1/embeddings"])
async def test_nothing_of_the_client_s_connection_reaches_the_engine(served: Served, path: str) -> None:
    headers = {
        "authorization": "Bearer client-key",
        "cookie": "session=1",
        "x-api-key": "client-key",
        "x-data-parallel-rank": "3",
        "x-vllm-priority": "-5",
        "x-forwarded-for": "10.0.0.1",
        "x-semtoken-mode": "off",
    }
    await served.post(path, {"messages": HELLO}, headers=headers)
    got = (served.engine.received or served.engine.passed)[-1].headers
    assert got["authorization"] == "Bearer engine-key"
    assert "client-key" not in str(got)
    assert not got.keys() & (headers.keys() - {"authorization"})


async def test_request_ids_are_passed_on_or_made(served: Served) -> None:
    response = await served.post(CHAT, {"messages": HELLO}, headers={"x-request-id": "job-7/part:1"})
    assert response.headers["x-request-id"] == served.engine.last.headers["x-request-id"] == "job-7/part:1"
    response = await served.post(CHAT, {"messages": HELLO}, headers={"x-request-id": "a b\t<script>"})
    made = response.headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert served.engine.last.headers["x-request-id"] == made


async def test_health(engine: FakeEngine) -> None:
    async with gateway(engine) as served:
        assert (await served.client.get("/health/live")).json() == {"status": "live"}
        name = engine.url.removeprefix("http://")
        assert (await served.client.get("/health/ready")).json() == {
            "status": "ready",
            "engine": {name: "up"},
            "encoder": "ready",
            "tokenizer": "match",
        }
        engine.healthy = False
        await eventually(lambda: served.metric("semtoken_engine_up", engine=name) == 0)
        response = await served.client.get("/health/ready")
        assert response.status_code == 503
        assert response.json()["engine"] == {name: "down"}
        assert (await served.client.get("/health/live")).status_code == 200


async def test_metrics_tell_what_happened_and_take_no_word_from_a_client(served: Served) -> None:
    response = await served.post(CHAT, {"model": "evil-label", "messages": [{"role": "user", "content": rag()}]})
    await served.client.get("/evil-label")
    shown = (await served.client.get("/metrics")).text
    assert "evil-label" not in shown
    original = float(response.headers["x-semtoken-original-tokens"])
    assert served.metric("semtoken_prompt_tokens_total", stage="original") == original
    assert served.metric("semtoken_compression_requests_total", status="compressed", reason="ok") == 1
    assert served.metric("semtoken_compression_ratio_count") == 1
    assert served.metric("semtoken_compression_seconds_count", stage="encode") == 1
    assert served.metric("semtoken_requests_total", route=CHAT, code="200") == 1
    name = served.engine.url.removeprefix("http://")
    assert served.metric("semtoken_engine_requests_total", engine=name, outcome="2xx") > 0


async def test_compress_answers_with_the_contract_s_json(served: Served) -> None:
    text = document(40)
    body = {"text": text, "query": QUESTION, "semtoken": {"ratio": 4}}
    told = (await served.post("/v1/compress", body)).json()
    assert set(told) == {
        "text", "token_ids", "original_tokens", "compressed_tokens", "ratio", "status", "reason", "spans", "kept",
        "timings_ms",
    }  # fmt: skip
    assert NEEDLE in told["text"]
    assert told["text"] == "".join(text[start:end] for start, end in told["kept"])
    assert told["compressed_tokens"] == len(told["token_ids"]) <= told["original_tokens"] / 4 + 1
    assert told["spans"][0]["start"] == 0
    assert told["spans"][-1]["end"] == len(text)
    assert all(one["end"] == other["start"] for one, other in zip(told["spans"], told["spans"][1:], strict=False))
    assert served.engine.received == []


async def test_compress_takes_a_chat(served: Served) -> None:
    told = (await served.post("/v1/compress", {"messages": [{"role": "user", "content": rag()}, *HELLO]})).json()
    assert told["status"] == "compressed"
    assert NEEDLE in told["messages"][0]["content"]
    assert [(part["message"], part["role"]) for part in told["parts"]] == [(0, "user"), (1, "user")]
    assert told["compressed_tokens"] < told["original_tokens"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, None),
        ({"text": "a", "messages": HELLO}, None),
        ({"messages": HELLO, "query": "q"}, None),
        ({"text": 5}, "text"),
        ({"text": "a", "colour": "red"}, "colour"),
        ({"text": "a", "semtoken": {"ratio": 0}}, "ratio"),
        ({"messages": [{"role": "user"}]}, "messages[0]"),
    ],
)
async def test_compress_names_what_is_wrong(served: Served, body: object, param: str | None) -> None:
    response = await served.post("/v1/compress", body)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param
