"""The official client, against the gateway as it is served."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from fakes.engine import MODEL, TROUBLE_AT, WORDS, FakeEngine
from fakes.serving import Served
from fakes.texts import NEEDLE, QUESTION, document, rag
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam

CHAT: list[ChatCompletionMessageParam] = [{"role": "user", "content": rag()}]


@pytest.fixture
async def client(served: Served) -> AsyncIterator[AsyncOpenAI]:
    http = openai.DefaultAsyncHttpxClient(trust_env=False)
    async with AsyncOpenAI(
        base_url=f"{served.url}/v1", api_key="client-key", max_retries=0, http_client=http
    ) as client:
        yield client


async def test_a_chat(client: AsyncOpenAI, engine: FakeEngine) -> None:
    answer = await client.chat.completions.create(
        model=MODEL, messages=CHAT, temperature=0, extra_body={"semtoken": {"ratio": 4}, "top_k": 5}
    )
    assert answer.choices[0].message.content == "".join(WORDS)
    assert answer.model_extra is not None
    assert answer.model_extra["semtoken"]["status"] == "compressed"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == answer.model_extra["semtoken"]["forwarded_tokens"]
    assert NEEDLE in engine.last.json["messages"][0]["content"]
    assert engine.last.json["top_k"] == 5


async def test_a_streamed_chat(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model=MODEL, messages=CHAT, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    said = [choice.delta.content for chunk in chunks for choice in chunk.choices]
    assert said == list(WORDS)
    assert chunks[-1].usage is not None
    assert chunks[-1].model_extra is not None
    assert chunks[-1].model_extra["semtoken"]["status"] == "compressed"


async def test_completions(client: AsyncOpenAI) -> None:
    whole = await client.completions.create(model=MODEL, prompt=rag())
    assert whole.choices[0].text == "".join(WORDS)
    stream = await client.completions.create(model=MODEL, prompt=rag(), stream=True)
    assert [chunk.choices[0].text async for chunk in stream] == list(WORDS)


async def test_headers_reach_the_client(client: AsyncOpenAI) -> None:
    raw = await client.chat.completions.with_raw_response.create(
        model=MODEL, messages=CHAT, extra_headers={"x-semtoken-mode": "off"}
    )
    assert raw.headers["x-semtoken-status"] == "off"
    assert raw.request_id


async def test_models(client: AsyncOpenAI) -> None:
    assert MODEL in [model.id async for model in client.models.list()]
    assert (await client.models.retrieve(MODEL)).id == MODEL
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("other")


async def test_a_refusal_is_the_client_s_own_error(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as bad:
        await client.chat.completions.create(model=MODEL, messages=CHAT, extra_body={"semtoken": {"ratio": 0}})
    assert bad.value.param == "ratio"


async def test_a_stream_that_breaks_off_is_the_client_s_own_error(client: AsyncOpenAI, engine: FakeEngine) -> None:
    engine.behaviour = "die_midway"
    stream = await client.chat.completions.create(model=MODEL, messages=CHAT, stream=True)
    for said in WORDS[:TROUBLE_AT]:
        assert (await anext(stream)).choices[0].delta.content == said
    engine.resume.set()
    with pytest.raises(openai.APIError, match="connection to the engine"):
        await anext(stream)


async def test_a_response(client: AsyncOpenAI, engine: FakeEngine) -> None:
    answer = await client.responses.create(model=MODEL, input=rag(), extra_body={"semtoken": {"ratio": 4}})
    assert answer.output_text == "".join(WORDS)
    assert answer.model_extra is not None
    assert answer.usage is not None
    assert answer.usage.input_tokens == answer.model_extra["semtoken"]["forwarded_tokens"]
    assert NEEDLE in engine.last.json["input"]
    assert len(engine.last.json["input"]) < len(rag()) / 2


async def test_a_streamed_response(client: AsyncOpenAI) -> None:
    stream = await client.responses.create(model=MODEL, input=rag(), stream=True)
    events = [event async for event in stream]
    assert [event.delta for event in events if event.type == "response.output_text.delta"] == list(WORDS)
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.model_extra is not None
    assert last.response.model_extra["semtoken"]["status"] == "compressed"


async def test_a_streamed_response_that_breaks_off_is_the_client_s_own_error(
    client: AsyncOpenAI, engine: FakeEngine
) -> None:
    engine.behaviour = "die_midway"
    stream = await client.responses.create(model=MODEL, input=rag(), stream=True)
    engine.resume.set()
    with pytest.raises(openai.APIError, match="connection to the engine"):
        async for _ in stream:
            pass


async def test_a_call_s_output_in_a_response_is_compressed_and_nothing_else(
    client: AsyncOpenAI, engine: FakeEngine
) -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "read", "arguments": '{"file": "a"}'}
    output = {"type": "function_call_output", "call_id": "c1", "output": document(60)}
    image = {"type": "input_image", "image_url": "data:,", "detail": "auto"}
    parts = [{"type": "input_text", "text": rag()}, image]
    items: Any = [{"role": "user", "content": QUESTION}, call, output, {"role": "user", "content": parts}]
    await client.responses.create(model=MODEL, input=items, instructions=document(40))
    forwarded = engine.last.json["input"]
    assert NEEDLE in forwarded[2]["output"]
    assert len(forwarded[2]["output"]) < 0.6 * len(output["output"])
    assert len(forwarded[3]["content"][0]["text"]) < 0.8 * len(rag())
    forwarded[2]["output"], forwarded[3]["content"][0]["text"] = output["output"], rag()
    assert forwarded == items
    assert engine.last.json["instructions"] == document(40)
