"""The official client of Anthropic's API, against the gateway as it is served."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anthropic
import pytest
from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient
from anthropic.types import MessageParam, TextBlock, ToolParam
from fakes.engine import MODEL, TROUBLE_AT, WORDS, FakeEngine
from fakes.serving import Served
from fakes.texts import NEEDLE, document, rag

ASKED: list[MessageParam] = [{"role": "user", "content": rag()}]


@pytest.fixture
async def client(served: Served) -> AsyncIterator[AsyncAnthropic]:
    async with (
        DefaultAsyncHttpxClient(trust_env=False) as http,
        AsyncAnthropic(base_url=served.url, api_key="client-key", max_retries=0, http_client=http) as client,
    ):
        yield client


async def test_a_message(client: AsyncAnthropic, engine: FakeEngine) -> None:
    answer = await client.messages.create(
        model=MODEL, max_tokens=50, messages=ASKED, extra_body={"semtoken": {"ratio": 4}, "top_k": 5}
    )
    assert [block.text for block in answer.content if isinstance(block, TextBlock)] == ["".join(WORDS)]
    assert answer.model_extra is not None
    assert answer.model_extra["semtoken"]["status"] == "compressed"
    assert answer.usage.input_tokens == answer.model_extra["semtoken"]["forwarded_tokens"]
    assert NEEDLE in engine.last.json["messages"][0]["content"]
    assert engine.last.json["top_k"] == 5
    assert "client-key" not in str(engine.last.headers)


async def test_a_stream(client: AsyncAnthropic) -> None:
    async with client.messages.stream(model=MODEL, max_tokens=50, messages=ASKED) as stream:
        assert [text async for text in stream.text_stream] == list(WORDS)
        answer = await stream.get_final_message()
    assert answer.stop_reason == "end_turn"
    assert answer.usage.output_tokens == len(WORDS)
    raw = await client.messages.create(model=MODEL, max_tokens=50, messages=ASKED, stream=True)
    told = [event.model_extra async for event in raw]
    assert [extra["semtoken"]["status"] for extra in told if extra and "semtoken" in extra] == ["compressed"]


async def test_what_a_tool_put_out_is_compressed_and_nothing_else(client: AsyncAnthropic, engine: FakeEngine) -> None:
    tool: ToolParam = {"name": "read", "input_schema": {"type": "object"}}
    result = document(60)
    messages: list[MessageParam] = [
        {"role": "user", "content": "What is the vault code of the northern archive?"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "read", "input": {"file": "a"}}]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": result}]},
                {"type": "text", "text": "Well?", "cache_control": {"type": "ephemeral"}},
            ],
        },
    ]
    await client.messages.create(model=MODEL, max_tokens=50, messages=messages, tools=[tool], system=document(40))
    forwarded = engine.last.json
    found = forwarded["messages"][2]["content"][0]["content"][0]
    assert NEEDLE in found["text"]
    assert len(found["text"]) < 0.6 * len(result)
    found["text"] = result
    assert forwarded["messages"] == messages
    assert forwarded["system"] == document(40)


async def test_tokens_are_counted_by_the_engine(served: Served, client: AsyncAnthropic) -> None:
    await client.messages.with_raw_response.count_tokens(model=MODEL, messages=ASKED)
    assert served.engine.passed[-1].json["messages"] == ASKED


async def test_a_refusal_is_the_client_s_own_error(client: AsyncAnthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="ratio") as bad:
        await client.messages.create(model=MODEL, max_tokens=5, messages=ASKED, extra_body={"semtoken": {"ratio": 0}})
    assert isinstance(bad.value.body, dict)
    assert bad.value.body["error"]["type"] == "invalid_request_error"


async def test_a_stream_that_breaks_off_is_the_client_s_own_error(client: AsyncAnthropic, engine: FakeEngine) -> None:
    engine.behaviour = "die_midway"
    said: list[str] = []

    async def read() -> None:
        async with client.messages.stream(model=MODEL, max_tokens=50, messages=ASKED) as stream:
            async for text in stream.text_stream:
                said.append(text)
                if len(said) == TROUBLE_AT:
                    engine.resume.set()

    with pytest.raises(anthropic.APIStatusError, match="connection to the engine"):
        await read()
    assert said == list(WORDS[:TROUBLE_AT])
