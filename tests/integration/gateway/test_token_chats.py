"""Chats as token ids: what an engine with its scale-out routes gets, and what the client gets of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes import scale_out
from fakes.encoders import small_tokenizer
from fakes.engine import TROUBLE_AT, WORDS, Behaviour, FakeEngine
from fakes.keys import entry, write_keys
from fakes.serving import Served, eventually, gateway
from fakes.texts import NEEDLE, chat, rag, seamed
from semtoken_server.token_chats.routes import GENERATE

CHAT = "/v1/chat/completions"
TOKENS = {"realise": "tokens", "keep_tags": True}


@pytest.fixture
async def scaled(engine: FakeEngine) -> AsyncIterator[Served]:
    """A gateway before an engine that was started with ``--enable-scale-out``."""
    engine.scale_out = True
    async with gateway(engine) as served:
        yield served


def refusal(response: httpx.Response) -> str:
    error = response.json()["error"]
    assert (response.status_code, error["param"], error["type"]) == (400, "realise", "invalid_request_error")
    return str(error["message"])


def data_of(response: httpx.Response) -> list[str]:
    return [line.removeprefix("data: ") for line in response.text.splitlines() if line]


def said_in(chunks: list[Any]) -> str:
    return "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])


def text_ids(asked: dict[str, Any]) -> list[int]:
    """The ids of a chat as text."""
    ids: list[int] = scale_out.rendered(small_tokenizer(), asked, 8192)["token_ids"]
    return ids


async def test_the_kept_tokens_stand_where_the_template_writes_the_text(scaled: Served) -> None:
    body = chat(seamed(), "It is 7316.", seamed(40))
    body["messages"].insert(0, {"role": "system", "content": "Answer in one word. " * 40})
    response = await scaled.post(CHAT, {**body, "semtoken": TOKENS})
    asked = scaled.engine.last
    assert asked.path == GENERATE
    ids = asked.json["token_ids"]
    await scaled.post(CHAT, {**body, "semtoken": {"keep_tags": True}})
    as_text = text_ids(scaled.engine.last.json)
    assert ids != as_text
    assert small_tokenizer().decode(ids) == small_tokenizer().decode(as_text)
    assert NEEDLE in small_tokenizer().decode(ids)
    assert int(response.headers["x-semtoken-forwarded-tokens"]) == len(ids)
    answer = response.json()
    assert answer["choices"][0]["message"]["content"] == "".join(WORDS)
    assert answer["usage"]["prompt_tokens"] == len(ids)
    assert answer["semtoken"]["status"] == "compressed"
    assert answer["id"] == "chatcmpl-rendered"


async def test_the_engine_renders_the_text_and_everything_else_as_it_came(scaled: Served) -> None:
    raw = (
        b'{"messages": [{"role": "user", "content": "%s"}], "seed": 123456789012345678901234567890,'
        b' "semtoken": {"realise": "tokens", "keep_tags": true}}' % seamed().replace("\n", "\\n").encode()
    )
    await scaled.post(CHAT, raw)
    asked = scaled.engine.rendered[-1]
    assert NEEDLE in asked.json["messages"][0]["content"]
    assert b'"seed": 123456789012345678901234567890' in asked.body
    assert b"semtoken" not in asked.body


async def test_a_parser_sees_the_calls_of_the_conversation_and_nothing_that_was_said(scaled: Served) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    body = chat(seamed(), semtoken=TOKENS, tools=[])
    body["messages"][:0] = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "Found.", "tool_call_id": "c"},
    ]
    await scaled.post(CHAT, body)
    assert scaled.engine.derendered[-1].json["chat_request"]["messages"] == [
        {"role": "user", "content": ""},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "", "tool_call_id": "c"},
        {"role": "user", "content": ""},
    ]


async def test_a_stream_is_made_piece_by_piece(scaled: Served) -> None:
    asked = chat(seamed(), stream=True, stream_options={"include_usage": True}, semtoken=TOKENS)
    response = await scaled.post(CHAT, asked)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    *events, done = data_of(response)
    assert done == "[DONE]"
    *chunks, last = [json.loads(event) for event in events]
    assert said_in(chunks) == "".join(WORDS)
    assert {chunk["id"] for chunk in (*chunks, last)} == {"chatcmpl-rendered"}
    assert [chunk["choices"][0]["delta"].get("role") for chunk in chunks] == ["assistant", None, None, None, None]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * 4 + ["stop"]
    assert last["choices"] == []
    assert last["usage"]["prompt_tokens"] == last["semtoken"]["forwarded_tokens"]
    states = [request.json["stream_state"] for request in scaled.engine.derendered[-len(WORDS) - 1 : -1]]
    assert states == [None, *({"words": number} for number in range(1, len(WORDS)))]


async def test_only_a_parser_is_told_the_whole_prompt(engine: FakeEngine) -> None:
    engine.scale_out = True
    lengths = []
    for engine.parses in (False, True):
        async with gateway(engine) as served:
            await served.post(CHAT, {**chat(seamed()), "semtoken": TOKENS})
        told = engine.derendered[-1].json
        assert engine.last.json["token_ids"][-len(told["prompt_token_ids"]) :] == told["prompt_token_ids"]
        assert told["prompt_tokens"] == len(engine.last.json["token_ids"])
        lengths.append(len(told["prompt_token_ids"]))
    assert lengths == [16, len(engine.last.json["token_ids"])]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({}, "tool_calls"),
        ({"tool_choice": "auto"}, "tool_calls"),
        ({"tool_choice": "required"}, "tool_calls"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "stop"),
    ],
)
async def test_an_answer_with_calls_ends_as_on_the_chat_route(scaled: Served, asked: Any, reason: str) -> None:
    scaled.engine.calls = [{"id": str(number), "type": "function", "function": {"name": "f"}} for number in range(2)]
    for parallel, count in ((None, 2), (False, 1)):
        body = chat(seamed(), tools=[{"type": "function"}], parallel_tool_calls=parallel, semtoken=TOKENS, **asked)
        (choice,) = (await scaled.post(CHAT, body)).json()["choices"]
        assert choice["finish_reason"] == reason
        assert len(choice["message"]["tool_calls"]) == count


async def test_the_limit_of_the_answer_is_the_engine_s(scaled: Served) -> None:
    # vLLM leaves a limit of 16 out of what it renders, and takes none for the rest of the context.
    for limit in (7, 16):
        await scaled.post(CHAT, {**chat(seamed(), max_tokens=limit), "semtoken": TOKENS})
        assert scaled.engine.last.json["sampling_params"]["max_tokens"] == limit


async def test_a_priority_in_a_header_is_the_request_s(engine: FakeEngine, tmp_path: Path) -> None:
    engine.scale_out = True
    keys = write_keys(tmp_path / "keys.yaml", entry("secret", passes=["x-vllm-priority"]))
    async with gateway(engine, keys_file=str(keys)) as served:
        headers = {"authorization": "Bearer secret", "x-vllm-priority": "3"}
        await served.post(CHAT, {**chat(seamed()), "semtoken": TOKENS}, headers=headers)
    assert engine.last.path == GENERATE
    assert engine.last.json["priority"] == 3


async def test_what_is_not_compressed_goes_the_ordinary_way(scaled: Served) -> None:
    for body in (chat("Hello", semtoken=TOKENS), chat(rag(), semtoken={"mode": "off", **TOKENS})):
        assert (await scaled.post(CHAT, body)).status_code == 200
        assert scaled.engine.last.path == CHAT
        assert scaled.engine.last.json["messages"] == body["messages"]


@pytest.mark.parametrize("text", ["Hello", seamed()])
async def test_an_engine_without_scale_out_is_400(served: Served, text: str) -> None:
    assert "--enable-scale-out" in refusal(await served.post(CHAT, chat(text, semtoken=TOKENS)))
    assert served.engine.received == []


async def test_what_another_model_s_engine_lacks_is_no_hindrance(engine: FakeEngine) -> None:
    engine.scale_out = True
    async with FakeEngine(small_tokenizer(), model="other") as other, gateway(engine, others=(other,)) as served:
        response = await served.post(CHAT, chat(seamed(), semtoken=TOKENS))
        assert (response.status_code, response.headers["x-semtoken-status"]) == (200, "compressed")
        assert other.name in refusal(await served.post(CHAT, chat(seamed(), model="other", semtoken=TOKENS)))


async def test_ids_that_are_the_text_s_own_go_as_text(scaled: Served) -> None:
    response = await scaled.post(CHAT, chat(rag(), semtoken=TOKENS))
    assert response.headers["x-semtoken-status"] == "compressed"
    assert scaled.engine.last.path == CHAT
    assert int(response.headers["x-semtoken-forwarded-tokens"]) == len(text_ids(scaled.engine.last.json))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"stop": ["\n"]}, "stop"),
        ({"logprobs": True}, "logprobs"),
        ({"ignore_eos": True}, "ignore_eos"),
        ({"include_stop_str_in_output": True}, "include_stop_str_in_output"),
        ({"truncate_prompt_tokens": 500}, "truncate_prompt_tokens"),
        ({"return_token_ids": True}, "return_token_ids"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]}, "parts"),
    ],
)
async def test_what_the_token_routes_do_otherwise_is_400(scaled: Served, fields: Any, named: str) -> None:
    assert named in refusal(await scaled.post(CHAT, {**chat(seamed()), **fields, "semtoken": TOKENS}))
    assert scaled.engine.received == []
    # Where nothing is compressed nothing goes as ids.
    off = {**chat(seamed()), **fields, "semtoken": {**TOKENS, "mode": "off"}}
    assert (await scaled.post(CHAT, off)).status_code == 200


async def test_a_text_that_the_template_writes_otherwise_stays_as_it_writes_it(
    scaled: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scale_out, "_text", lambda content: content if len(content) < 1500 else json.dumps(content))
    body = chat(seamed(30), "It is 7316.", seamed(80))
    await scaled.post(CHAT, {**body, "semtoken": TOKENS})
    ids = scaled.engine.last.json["token_ids"]
    assert scaled.engine.last.path == GENERATE
    assert "\\n\\nQuestion" in small_tokenizer().decode(ids)
    await scaled.post(CHAT, chat(seamed(80), semtoken=TOKENS))
    assert scaled.engine.last.path == CHAT


@pytest.mark.parametrize("path", ["rendered", "whole", "derendered"])
async def test_answers_of_another_form_are_an_error_in_openai_s(
    scaled: Served, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scaled.post(CHAT, chat("Hello", semtoken=TOKENS))
    monkeypatch.setattr(scale_out, path, lambda *_: {"choices": 7})
    response = await scaled.post(CHAT, chat(seamed(), semtoken=TOKENS))
    assert (response.status_code, response.json()["error"]["type"]) == (502, "server_error")
    monkeypatch.undo()


async def test_an_engine_that_came_up_without_the_routes_gets_the_text(scaled: Served) -> None:
    await scaled.post(CHAT, chat("Hello", semtoken=TOKENS))
    scaled.engine.scale_out = False
    response = await scaled.post(CHAT, chat(seamed(), semtoken=TOKENS))
    assert response.status_code == 200
    assert scaled.engine.last.path == CHAT


@pytest.mark.parametrize("stream", [True, False])
async def test_calls_that_were_cut_short_end_by_length(
    scaled: Served, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = {"index": 0, "token_ids": [0, 1], "finish_reason": "length"}
    monkeypatch.setattr(scale_out, "piece", lambda *_: {"request_id": "x", "choices": [cut], "usage": None})
    monkeypatch.setattr(scale_out, "whole", lambda *_: {"request_id": "x", "choices": [cut], "usage": None})
    asked = chat(seamed(), stream=stream, semtoken=TOKENS)
    response = await scaled.post(CHAT, asked)
    chunk = json.loads(data_of(response)[0]) if stream else response.json()
    assert chunk["choices"][0]["finish_reason"] == "length"
    text = chunk["choices"][0]["delta" if stream else "message"]["content"]
    assert text == "".join(WORDS[:2])


async def test_an_answer_of_nothing_but_its_end_is_empty(scaled: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    only_end = {"index": 0, "token_ids": [len(WORDS)], "finish_reason": "stop"}
    monkeypatch.setattr(scale_out, "whole", lambda *_: {"request_id": "x", "choices": [only_end], "usage": None})
    (choice,) = (await scaled.post(CHAT, chat(seamed(), semtoken=TOKENS))).json()["choices"]
    assert choice["message"]["content"] == ""


async def test_where_the_engine_cannot_be_asked_the_chat_goes_on_as_it_came(scaled: Served) -> None:
    scaled.engine.behaviour = "refuse"
    response = await scaled.post(CHAT, chat(seamed(), semtoken=TOKENS))
    assert response.headers["x-semtoken-reason"] == "tokens_unchecked"
    closed = await scaled.post(CHAT, chat(seamed(), semtoken={**TOKENS, "on_failure": "closed"}))
    assert (closed.status_code, closed.json()["error"]["code"]) == (503, "tokens_unchecked")


@pytest.mark.parametrize("behaviour", ["refuse", "busy"])
async def test_an_engine_s_refusal_is_the_answer(scaled: Served, behaviour: Behaviour) -> None:
    await scaled.post(CHAT, chat("Hello", semtoken=TOKENS))
    scaled.engine.behaviour = behaviour
    response = await scaled.post(CHAT, chat(seamed(), semtoken=TOKENS))
    assert response.status_code == (400 if behaviour == "refuse" else 503)
    assert response.json()["error"]["message"] in ("max_tokens is too large", "busy")
    assert response.headers.get("retry-after") == (None if behaviour == "refuse" else "7")


async def test_ids_that_cannot_be_made_text_are_an_error_before_the_first_byte(scaled: Served) -> None:
    scaled.engine.derenders = 1
    response = await scaled.post(CHAT, chat(seamed(), semtoken=TOKENS))
    assert response.status_code == 502
    assert response.json()["error"]["type"] == "server_error"


async def test_a_stream_that_cannot_be_made_text_ends_with_an_error_event(scaled: Served) -> None:
    scaled.engine.derenders = 1 + TROUBLE_AT
    *chunks, last = data_of(await scaled.post(CHAT, chat(seamed(), stream=True, semtoken=TOKENS)))
    assert said_in([json.loads(chunk) for chunk in chunks]) == "".join(WORDS[:TROUBLE_AT])
    assert json.loads(last)["error"]["type"] == "server_error"
    assert scaled.metric("semtoken_stream_aborts_total", side="engine") == 1


async def test_an_engine_that_dies_midway_ends_the_stream_with_an_error_event(scaled: Served) -> None:
    scaled.engine.behaviour = "die_midway"
    asked = chat(seamed(), stream=True, semtoken=TOKENS)
    async with scaled.client.stream("POST", CHAT, json=asked) as response:
        data = (line.removeprefix("data: ") async for line in response.aiter_lines() if line)
        first = [json.loads(await anext(data)) for _ in range(TROUBLE_AT)]
        scaled.engine.resume.set()
        (last,) = [event async for event in data]
    assert said_in(first) == "".join(WORDS[:TROUBLE_AT])
    assert json.loads(last)["error"]["code"] == "engine_connection"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_stops_the_engine(scaled: Served, stream: bool) -> None:
    scaled.engine.behaviour = "stall_midway" if stream else "stall"
    waiting = asyncio.create_task(scaled.post(CHAT, chat(seamed(), stream=stream, semtoken=TOKENS)))
    await asyncio.wait_for(scaled.engine.arrived.wait(), timeout=20)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.wait_for(scaled.engine.cancelled.wait(), timeout=10)
    await eventually(lambda: scaled.metric("semtoken_inflight_requests") == 0)
