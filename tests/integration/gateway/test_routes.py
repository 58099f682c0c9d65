"""The allow-list: what passes to the engine, with what, and nothing else."""

from __future__ import annotations

import json
import re

import pytest
from fakes.engine import MODEL
from fakes.serving import ENGINE_KEY, Served

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/load_lora_adapter",
        "/sleep",
        "/wake_up",
        "/start_profile",
        "/inference/v1/generate",
        "/v1/chat/completions/render",
        "/v1/chat/completions/",
        "/v1/chat/completions/../../sleep",
        "/v1/chat/%2e%2e/../sleep",
        "/v1//chat/completions",
        "/docs",
        "/v1/responses/resp_1",
        "/v1/responses/resp_1/cancel",
        "/v1/messages/render",
        "/v1/messages/batches",
        "/health",
    ],
)
async def test_anything_else_is_404(served: Served, path: str) -> None:
    for method in ("GET", "POST"):
        response = await served.client.request(method, path)
        assert response.status_code == 404
        # On Anthropic's routes an error has Anthropic's form.
        kind = "not_found_error" if path.startswith("/v1/messages/") else "invalid_request_error"
        assert response.json()["error"]["type"] == kind
    assert served.engine.passed == served.engine.received == []
    assert served.metric("semtoken_requests_total", route="unmatched", code="404") == 2


async def test_a_wrong_method_is_405(served: Served) -> None:
    response = await served.client.get(CHAT)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/embeddings", "/detokenize", "/v1/messages/count_tokens"])
async def test_bodies_pass_byte_for_byte(served: Served, path: str) -> None:
    raw = b' {"input": ["a",  "\\u00e9"], "seed": 12345678901234567890123}'
    response = await served.post(path, raw)
    assert response.content == served.engine.passed[-1].body == raw
    assert served.engine.passed[-1].path == path
    assert "set-cookie" not in response.headers
    assert response.headers["x-request-id"] != "engine-made"


async def test_the_shapes_of_embeddings_as_bytes_come_in_a_header(served: Served) -> None:
    response = await served.post("/v1/embeddings", {"input": ["a"] * 500, "encoding_format": "bytes"})
    assert response.status_code == 200
    assert len(response.headers["metadata"]) > 10_000
    assert len(json.loads(response.headers["metadata"])["data"]) == 500


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
    assert got["authorization"] == f"Bearer {ENGINE_KEY}"
    assert "client-key" not in str(got)
    assert not got.keys() & (headers.keys() - {"authorization"})


async def test_request_ids_are_passed_on_or_made(served: Served) -> None:
    response = await served.post(CHAT, {"messages": HELLO}, headers={"x-request-id": "job-7/part:1"})
    assert response.headers["x-request-id"] == served.engine.last.headers["x-request-id"] == "job-7/part:1"
    response = await served.post(CHAT, {"messages": HELLO}, headers={"x-request-id": "a b\t<script>"})
    made = response.headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert served.engine.last.headers["x-request-id"] == made
