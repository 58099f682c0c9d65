"""``POST /v1/compress``: the compression itself, without the engine."""

from __future__ import annotations

import pytest
from fakes.compressors import missing
from fakes.engine import FakeEngine
from fakes.serving import Served, gateway
from fakes.texts import NEEDLE, QUESTION, document, rag

COMPRESS = "/v1/compress"
HELLO = [{"role": "user", "content": "Hello"}]


async def test_a_text_is_answered_with_the_contract_s_json(served: Served) -> None:
    text = document(40)
    body = {"text": text, "query": QUESTION, "semtoken": {"ratio": 4}}
    told = (await served.post(COMPRESS, body)).json()
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


async def test_a_chat_is_compressed_part_by_part(served: Served) -> None:
    system = {"role": "system", "content": "Be brief."}
    messages = [system, {"role": "user", "content": rag()}, *HELLO]
    told = (await served.post(COMPRESS, {"messages": messages})).json()
    assert told["status"] == "compressed"
    assert told["messages"][0] == system
    assert NEEDLE in told["messages"][1]["content"]
    assert [(part["message"], part["role"]) for part in told["parts"]] == [(1, "user"), (2, "user")]
    assert told["compressed_tokens"] < told["original_tokens"]
    assert served.engine.received == []


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, None),
        ({"text": "a", "messages": HELLO}, None),
        ({"messages": HELLO, "query": "q"}, None),
        ({"text": 5}, "text"),
        ({"text": "a", "colour": "red"}, "colour"),
        ({"text": "a", "semtoken": {"ratio": 0}}, "ratio"),
    ],
)
async def test_what_is_wrong_is_named(served: Served, body: object, param: str | None) -> None:
    response = await served.post(COMPRESS, body)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


async def test_without_an_encoder_there_is_nothing_to_fall_back_to(engine: FakeEngine) -> None:
    async with gateway(engine, missing) as served:
        response = await served.post(COMPRESS, {"text": "Hello"})
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "encoder_missing"
