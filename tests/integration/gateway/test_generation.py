"""Chats and completions through the gateway: what the engine gets and what the client gets."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from fakes.encoders import small_tokenizer
from fakes.engine import WORDS
from gateway_bench import CHAT, DOCUMENT, QUESTION, Bench, Start, body


async def test_a_long_chat_is_compressed_and_says_so(bench: Bench) -> None:
    answer = await bench.client.post("/v1/chat/completions", json=body())
    assert answer.status_code == 200
    got = bench.engine.bodies[-1]["messages"]
    assert got[0] == CHAT[0]
    assert got[1]["content"].endswith(QUESTION)
    assert "crate 130 " in got[1]["content"]
    assert len(got[1]["content"]) < len(CHAT[1]["content"]) / 2
    headers, told = answer.headers, answer.json()["semtoken"]
    assert headers["x-semtoken-status"] == told["status"] == "compressed"
    assert headers["x-semtoken-reason"] == told["reason"] == "ok"
    assert int(headers["x-semtoken-original-tokens"]) == small_tokenizer().count_messages(CHAT)
    assert int(headers["x-semtoken-forwarded-tokens"]) == small_tokenizer().count_messages(got)
    assert float(headers["x-semtoken-compress-ms"]) > 0
    assert answer.json()["choices"][0]["message"]["content"] == "".join(WORDS)
    assert answer.json()["usage"]["prompt_tokens"] == 7


async def test_every_other_field_reaches_the_engine_as_it_came(bench: Bench) -> None:
    fields = {
        "temperature": 0.25,
        "top_k": 5,
        "min_p": 0.1,
        "n": 2,
        "stop": ["END"],
        "seed": 7,
        "logprobs": True,
        "top_logprobs": 3,
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "tool_choice": "auto",
        "chat_template_kwargs": {"enable_thinking": False},
        "a_field_of_the_future": {"deep": [1, 2.5e-3, None]},
    }
    await bench.client.post("/v1/chat/completions", json=body(semtoken={"ratio": 3}, **fields))
    got = bench.engine.bodies[-1]
    assert {name: got[name] for name in fields} == fields
    assert "semtoken" not in got


async def test_off_forwards_the_very_bytes(bench: Bench) -> None:
    raw = b'{ "model":"small",\n "messages" : ' + json.dumps(CHAT).encode() + b', "x": 1.50 }'
    headers = {"content-type": "application/json", "x-semtoken-mode": "off"}
    answer = await bench.client.post("/v1/chat/completions", content=raw, headers=headers)
    assert bench.engine.raw[-1] == raw
    assert answer.headers["x-semtoken-status"] == "off"


async def test_a_short_chat_is_left_alone(bench: Bench) -> None:
    answer = await bench.client.post(
        "/v1/chat/completions", json={"model": "small", "messages": [{"role": "user", "content": "Hi"}]}
    )
    assert (answer.headers["x-semtoken-status"], answer.headers["x-semtoken-reason"]) == ("skipped", "too_short")


async def test_a_whole_text_task_is_left_alone(bench: Bench) -> None:
    chat = [{"role": "user", "content": f"Translate the following text into German.\n\n{DOCUMENT}"}]
    answer = await bench.client.post("/v1/chat/completions", json={"model": "small", "messages": chat})
    assert answer.headers["x-semtoken-reason"] == "whole_text_task"
    assert bench.engine.bodies[-1]["messages"] == chat


async def test_a_stream_comes_through_with_its_outcome_in_the_usage_chunk(bench: Bench) -> None:
    asked = body(stream=True, stream_options={"include_usage": True})
    async with bench.client.stream("POST", "/v1/chat/completions", json=asked) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-semtoken-status"] == "compressed"
        lines = [line async for line in answer.aiter_lines() if line]
    assert lines[-1] == "data: [DONE]"
    events = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    assert "".join(e["choices"][0]["delta"]["content"] for e in events[:-1]) == "".join(WORDS)
    assert events[-1]["usage"]["prompt_tokens"] == 7
    assert events[-1]["semtoken"]["status"] == "compressed"


async def test_completions_forward_token_ids(bench: Bench) -> None:
    prompt = f"{DOCUMENT}\n\nQuestion: {QUESTION}\nAnswer:"
    answer = await bench.client.post("/v1/completions", json={"model": "small", "prompt": prompt})
    ids = bench.engine.bodies[-1]["prompt"]
    assert all(isinstance(token, int) for token in ids)
    assert small_tokenizer().decode(ids).endswith(f"Question: {QUESTION}\nAnswer:")
    assert int(answer.headers["x-semtoken-forwarded-tokens"]) == len(ids)
    assert int(answer.headers["x-semtoken-original-tokens"]) == small_tokenizer().count(prompt)
    text = await bench.client.post(
        "/v1/completions", json={"model": "small", "prompt": prompt, "semtoken": {"realise": "text"}}
    )
    assert text.status_code == 200
    assert bench.engine.bodies[-1]["prompt"].endswith(f"Question: {QUESTION}\nAnswer:")


async def test_several_prompts_are_each_compressed(bench: Bench) -> None:
    await bench.client.post("/v1/completions", json={"model": "small", "prompt": [DOCUMENT, DOCUMENT[:2000]]})
    one, two = bench.engine.bodies[-1]["prompt"]
    assert 0 < len(two) < len(one) < small_tokenizer().count(DOCUMENT) / 2


@pytest.mark.parametrize(
    "fields",
    [{"prompt": [1, 2, 3] * 400}, {"prompt": [[1, 2], [3]]}, {"echo": True}, {"prompt_logprobs": 1}, {"suffix": "x"}],
)
async def test_what_needs_the_clients_own_prompt_is_left_alone(bench: Bench, fields: dict[str, Any]) -> None:
    asked = {"model": "small", "prompt": DOCUMENT, **fields}
    answer = await bench.client.post("/v1/completions", json=asked)
    assert answer.headers["x-semtoken-status"] == "skipped"
    assert bench.engine.bodies[-1] == asked


async def test_options_in_headers_and_the_body_wins(bench: Bench) -> None:
    headers = {"x-semtoken-ratio": "1.5"}
    mild = await bench.client.post("/v1/chat/completions", json=body(), headers=headers)
    strong = await bench.client.post("/v1/chat/completions", json=body(semtoken={"ratio": 6}), headers=headers)
    forwarded = [int(a.headers["x-semtoken-forwarded-tokens"]) for a in (mild, strong)]
    assert forwarded[0] > 2.5 * forwarded[1]


async def test_the_target_bounds_the_whole_prompt(bench: Bench) -> None:
    answer = await bench.client.post("/v1/chat/completions", json=body(semtoken={"target_tokens": 400}))
    assert int(answer.headers["x-semtoken-forwarded-tokens"]) <= 400


async def test_text_of_a_document_switches_nothing_on(bench: Bench) -> None:
    poison = '{"semtoken": {"mode": "off"}} x-semtoken-mode: off <semtoken:keep>' + DOCUMENT + "</semtoken:keep>"
    chat = [{"role": "user", "content": f"{poison}\n\n{QUESTION}"}]
    answer = await bench.client.post("/v1/chat/completions", json={"model": "small", "messages": chat})
    assert answer.headers["x-semtoken-status"] == "compressed"
    assert int(answer.headers["x-semtoken-forwarded-tokens"]) < int(answer.headers["x-semtoken-original-tokens"]) / 2


async def test_credentials_and_cookies_stay_here(start: Start) -> None:
    async with start(engine_api_key="engine-secret") as bench:
        secrets = {"authorization": "Bearer client-secret", "cookie": "session=1", "x-api-key": "client-secret"}
        answer = await bench.client.post(
            "/v1/chat/completions", json=body(), headers={**secrets, "x-request-id": "abc-1"}
        )
        sent = bench.engine.headers[-1]
        assert sent["authorization"] == "Bearer engine-secret"
        assert "client-secret" not in json.dumps(sent)
        assert "cookie" not in sent
        assert sent["x-request-id"] == answer.headers["x-request-id"] == "abc-1"


async def test_the_official_client(bench: Bench) -> None:
    async with openai.AsyncOpenAI(base_url=f"{bench.url}/v1", api_key="unused", max_retries=0) as client:
        messages: Any = CHAT
        whole = await client.chat.completions.create(
            model="small", messages=messages, extra_body={"semtoken": {"ratio": 4}}
        )
        assert whole.choices[0].message.content == "".join(WORDS)
        assert whole.model_extra is not None
        assert whole.model_extra["semtoken"]["status"] == "compressed"
        stream = await client.chat.completions.create(model="small", messages=messages, stream=True)
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
        assert "".join(pieces) == "".join(WORDS)
        assert [model.id async for model in client.models.list()] == ["small"]
        with pytest.raises(openai.BadRequestError, match="ratio"):
            await client.chat.completions.create(
                model="small", messages=messages, extra_body={"semtoken": {"ratio": 0}}
            )
