"""Chats as token ids through a real vLLM's scale-out routes."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from e2e.real_gateway import RealGateway
from openai import OpenAI
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionMessageParam,
    ChatCompletionNamedToolChoiceParam,
    ChatCompletionToolParam,
)
from semtoken import CompressionOptions, Compressor
from semtoken.evaluation.bundled import bundled_demo
from semtoken_server.token_chats.splice import spliced

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]

DEMO = bundled_demo()
CHAT: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "Answer from the document."},
    # A space that is left before a line break, where the rest of its line went, makes a seam.
    {"role": "user", "content": DEMO.document.replace("\n\n", "\n") + f"\n\nQuestion: {DEMO.question}"},
]
AS_TOKENS: dict[str, Any] = {"extra_body": {"semtoken": {"realise": "tokens"}}}
GREEDY: dict[str, Any] = {"max_tokens": 24, "temperature": 0}
TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "answer",
        "parameters": {"type": "object", "properties": {"yes": {"type": "boolean"}}, "required": ["yes"]},
    },
}


def expected_prompt(gateway: RealGateway, compressor: Compressor) -> list[int]:
    """The ids of the chat with its text's kept tokens in place, made without the gateway."""
    made = compressor.compress_messages(CHAT, CompressionOptions(realise="tokens"))
    (seam,) = [(part.retokenised, part.result.token_ids) for part in made.parts if part.retokenised is not None]
    asked = {"model": gateway.model, "messages": made.messages}
    rendered = httpx.post(f"{gateway.engine_url}/tokenize", json=asked, trust_env=False, timeout=60).json()["tokens"]
    prompt = spliced(rendered, [seam])
    assert prompt != rendered
    assert compressor.tokenizer.decode(prompt) == compressor.tokenizer.decode(rendered)
    return prompt


def test_the_engine_answers_the_kept_tokens(gateway: RealGateway, client: OpenAI, compressor: Compressor) -> None:
    raw = client.chat.completions.with_raw_response.create(model=gateway.model, messages=CHAT, **GREEDY, **AS_TOKENS)
    answer = raw.parse()
    prompt = expected_prompt(gateway, compressor)
    assert raw.headers["x-semtoken-status"] == "compressed"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == len(prompt) == int(raw.headers["x-semtoken-forwarded-tokens"])
    asked = {"model": gateway.model, "prompt": prompt, **GREEDY}
    direct = httpx.post(f"{gateway.engine_url}/v1/completions", json=asked, trust_env=False, timeout=300).json()
    assert answer.choices[0].message.content == direct["choices"][0]["text"]
    assert answer.choices[0].finish_reason == direct["choices"][0]["finish_reason"]
    assert answer.usage.completion_tokens == direct["usage"]["completion_tokens"]


def test_what_is_streamed_is_what_is_not(gateway: RealGateway, client: OpenAI) -> None:
    whole = client.chat.completions.create(model=gateway.model, messages=CHAT, **GREEDY, **AS_TOKENS)
    chunks = list(
        client.chat.completions.create(
            model=gateway.model,
            messages=CHAT,
            stream=True,
            stream_options={"include_usage": True},
            **GREEDY,
            **AS_TOKENS,
        )
    )
    *pieces, last = chunks
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == whole.choices[0].message.content
    assert pieces[-1].choices[0].finish_reason == whole.choices[0].finish_reason
    assert last.usage == whole.usage
    assert last.model_extra is not None
    assert last.model_extra["semtoken"]["status"] == "compressed"


def calls_of(answer: ChatCompletion) -> tuple[str, list[tuple[str, str]]]:
    """How the only choice ends, and its calls."""
    (choice,) = answer.choices
    calls = choice.message.tool_calls or []
    return choice.finish_reason, [(c.function.name, c.function.arguments) for c in calls if c.type == "function"]


def test_calls_come_as_on_the_chat_route(gateway: RealGateway, client: OpenAI) -> None:
    named: ChatCompletionNamedToolChoiceParam = {"type": "function", "function": {"name": "answer"}}
    asked: dict[str, Any] = {"model": gateway.model, "messages": CHAT, "tools": [TOOL], "temperature": 0}
    for choice in ("auto", named):
        as_text = client.chat.completions.create(tool_choice=choice, max_tokens=48, **asked)
        as_tokens = client.chat.completions.create(tool_choice=choice, max_tokens=48, **asked, **AS_TOKENS)
        assert calls_of(as_tokens) == calls_of(as_text)
        assert bool(calls_of(as_tokens)[1]) == (choice == named)
        chunks = client.chat.completions.create(tool_choice=choice, max_tokens=48, stream=True, **asked, **AS_TOKENS)
        deltas = [piece.choices[0] for piece in chunks]
        said = "".join(delta.delta.content or "" for delta in deltas)
        assert said == (as_tokens.choices[0].message.content or "")
        functions = [call.function for delta in deltas for call in delta.delta.tool_calls or [] if call.function]
        arguments = "".join(function.arguments or "" for function in functions)
        assert arguments == "".join(arguments for _, arguments in calls_of(as_tokens)[1])
        assert deltas[-1].finish_reason == calls_of(as_tokens)[0]


def test_formats_and_several_answers_come_as_on_the_chat_route(gateway: RealGateway, client: OpenAI) -> None:
    schema: dict[str, object] = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    shaped = client.chat.completions.create(
        model=gateway.model,
        messages=CHAT,
        n=2,
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
        max_tokens=64,
        temperature=0.5,
        **AS_TOKENS,
    )
    for choice in shaped.choices:
        assert isinstance(json.loads(choice.message.content or "")["n"], int)
    assert [choice.index for choice in shaped.choices] == [0, 1]


def test_the_token_routes_themselves_are_not_there(gateway: RealGateway) -> None:
    for path in ("/v1/chat/completions/render", "/v1/chat/completions/derender", "/inference/v1/generate"):
        assert httpx.post(gateway.engine_url + path, json={}, trust_env=False, timeout=60).status_code == 400
        assert httpx.post(gateway.url + path, json={}, trust_env=False, timeout=60).status_code == 404
