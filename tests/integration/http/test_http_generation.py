"""Chats and completions on their way to the engine: what changes, and what must not."""

from __future__ import annotations

import json

import pytest
from fakes.encoders import small_tokenizer
from fakes.fake_engine import FakeEngine
from fakes.serving import Served, gateway
from fakes.texts import NEEDLE, QUESTION, document, rag

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"


def chat(*contents: str, **fields: object) -> dict[str, object]:
    """A chat whose roles alternate, from the user's first message on."""
    roles = ("user", "assistant")
    messages = [{"role": roles[n % 2], "content": content} for n, content in enumerate(contents)]
    return {"model": "fake-model", "messages": messages, **fields}


async def test_long_chat_is_compressed_and_keeps_the_needle(served: Served) -> None:
    response = await served.post(CHAT, chat(rag()))
    assert response.status_code == 200
    forwarded = served.engine.last.json["messages"][0]["content"]
    assert NEEDLE in forwarded
    assert QUESTION in forwarded
    assert len(forwarded) < 0.6 * len(rag())
    assert response.headers["x-semtoken-status"] == "compressed"
    assert response.headers["x-semtoken-reason"] == "ok"
    count = small_tokenizer().count_messages
    original = int(response.headers["x-semtoken-original-tokens"])
    assert original == count([{"role": "user", "content": rag()}])
    assert int(response.headers["x-semtoken-forwarded-tokens"]) == count(served.engine.last.json["messages"])
    assert float(response.headers["x-semtoken-compress-ms"]) > 0


async def test_semtoken_object_says_what_the_headers_say(served: Served) -> None:
    response = await served.post(CHAT, chat(rag()))
    told = response.json()["semtoken"]
    assert told["status"] == response.headers["x-semtoken-status"]
    assert told["original_tokens"] == int(response.headers["x-semtoken-original-tokens"])
    assert told["forwarded_tokens"] == int(response.headers["x-semtoken-forwarded-tokens"])
    assert told["compress_ms"] == float(response.headers["x-semtoken-compress-ms"])
    assert told["request_id"] == response.headers["x-request-id"]
    # The engine's own count, not the gateway's.
    assert response.json()["usage"]["prompt_tokens"] == told["forwarded_tokens"]


async def test_only_text_changes_in_a_compressed_chat(served: Served) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q": 1}'}}
    tools = [{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}]
    body = {
        "model": "fake-model",
        "messages": [
            {"role": "system", "content": document(40)},
            {"role": "user", "content": [{"type": "text", "text": rag()}, image], "name": "kim"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": document(50, needle=False)},
        ],
        "tools": tools,
        "temperature": 0.30,
        "logit_bias": {"5": -100},
        "unknown_field": [1, {"deep": None}],
        "semtoken": {"ratio": 3},
    }
    response = await served.post(CHAT, body)
    assert response.headers["x-semtoken-status"] == "compressed"
    forwarded = served.engine.last.json
    assert "semtoken" not in forwarded
    assert {k: v for k, v in forwarded.items() if k != "messages"} == {
        k: v for k, v in body.items() if k not in ("messages", "semtoken")
    }
    system, user, assistant, tool = forwarded["messages"]
    assert system == body["messages"][0]  # type: ignore[index]
    assert user["name"] == "kim"
    assert user["content"][1] == image
    assert len(user["content"][0]["text"]) < len(rag())
    assert assistant == body["messages"][2]  # type: ignore[index]
    assert tool["tool_call_id"] == "c1"
    assert len(tool["content"]) < len(document(50, needle=False))


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [({}, "skipped", "too_short"), ({"x-semtoken-mode": "off"}, "off", "mode_off")],
)
async def test_untouched_requests_reach_the_engine_byte_for_byte(
    served: Served, headers: dict[str, str], status: str, reason: str
) -> None:
    raw = (
        '  { "messages" : [{"role":"user","content":"caf\\u00e9 é"}],\n"seed":12345678901234567890123, "top_p":1.0e0}\n'
    )
    response = await served.post(CHAT, raw.encode(), headers=headers)
    assert served.engine.last.body == raw.encode()
    assert (response.headers["x-semtoken-status"], response.headers["x-semtoken-reason"]) == (status, reason)
    assert response.json()["semtoken"]["status"] == status


async def test_only_the_semtoken_member_is_cut_out(served: Served) -> None:
    raw = b'{"seed":12345678901234567890123,"semtoken":{"mode":"off"},"messages":[{"role":"user","content":"a"}]}'
    await served.post(CHAT, raw)
    assert served.engine.last.body == b'{"seed":12345678901234567890123,"messages":[{"role":"user","content":"a"}]}'


async def test_compressing_leaves_other_members_as_they_were_written(served: Served) -> None:
    raw = b'{"seed":12345678901234567890123,"messages":[{"role":"user","content":%s}],"top_p":1.0e0}'
    await served.post(CHAT, raw % json.dumps(rag()).encode())
    assert served.engine.last.body.startswith(b'{"seed":12345678901234567890123,"messages":[{')
    assert served.engine.last.body.endswith(b',"top_p":1.0e0}')
    assert len(served.engine.last.body) < len(rag())


async def test_body_options_win_over_headers(served: Served) -> None:
    headers = {"x-semtoken-mode": "off"}
    response = await served.post(CHAT, chat(rag(), semtoken={"mode": "auto"}), headers=headers)
    assert response.headers["x-semtoken-status"] == "compressed"


async def test_a_short_question_recalls_what_an_earlier_message_lost(served: Served) -> None:
    text = f"{document(80)}\n\nQuestion: Who sold the tower in the year 1710?"
    first = chat(text, "Nobody.", QUESTION, semtoken={"ratio": 8})
    await served.post(CHAT, first)
    lead, _, last = served.engine.last.json["messages"]
    assert len(lead["content"]) < len(text) / 3
    assert NEEDLE not in lead["content"]
    assert NEEDLE in last["content"]
    assert last["content"].endswith(QUESTION)


async def test_a_long_earlier_message_is_compressed_whatever_comes_last(served: Served) -> None:
    response = await served.post(CHAT, chat(rag(), "It is 7316.", "Thanks!"))
    assert response.headers["x-semtoken-status"] == "compressed"
    assert len(served.engine.last.json["messages"][0]["content"]) < 0.6 * len(rag())


async def test_many_short_messages_are_counted_one_by_one(served: Served) -> None:
    contents = [f"Message number {n} says little." for n in range(9)]
    response = await served.post(CHAT, chat(*contents))
    assert response.headers["x-semtoken-reason"] == "too_short"
    # Together they are over the minimum, so they were looked at.
    assert int(response.headers["x-semtoken-original-tokens"]) > 64


async def test_a_long_system_prompt_does_not_make_a_short_question_worth_a_look(served: Served) -> None:
    messages = [{"role": "system", "content": document(40)}, {"role": "user", "content": "Hello!"}]
    response = await served.post(CHAT, {"messages": messages})
    assert response.headers["x-semtoken-reason"] == "too_short"
    assert "x-semtoken-original-tokens" not in response.headers


async def test_excluded_roles_are_named_as_the_reason(served: Served) -> None:
    response = await served.post(CHAT, chat(rag(), semtoken={"roles": ["tool"]}))
    assert response.headers["x-semtoken-status"] == "skipped"
    assert response.headers["x-semtoken-reason"] == "role_excluded"


async def test_a_completion_is_forwarded_as_token_ids(served: Served) -> None:
    response = await served.post(COMPLETIONS, {"model": "fake-model", "prompt": rag(), "max_tokens": 5})
    forwarded = served.engine.last.json
    text = small_tokenizer().decode(forwarded["prompt"])
    assert NEEDLE in text
    assert len(forwarded["prompt"]) == int(response.headers["x-semtoken-forwarded-tokens"])
    assert small_tokenizer().count(rag()) == int(response.headers["x-semtoken-original-tokens"])
    assert {k: v for k, v in forwarded.items() if k != "prompt"} == {"model": "fake-model", "max_tokens": 5}
    assert response.json()["semtoken"]["status"] == "compressed"


async def test_a_completion_may_ask_for_text(served: Served) -> None:
    await served.post(COMPLETIONS, {"prompt": rag(), "semtoken": {"realise": "text"}})
    assert NEEDLE in served.engine.last.json["prompt"]


async def test_each_of_several_prompts_is_compressed(served: Served) -> None:
    await served.post(COMPLETIONS, {"prompt": [rag(), rag(50)]})
    first, second = served.engine.last.json["prompt"]
    assert len(first) < small_tokenizer().count(rag()) / 2
    assert len(second) < small_tokenizer().count(rag(50)) / 2


async def test_target_tokens_bounds_the_whole_prompt(served: Served) -> None:
    await served.post(COMPLETIONS, {"prompt": rag(), "semtoken": {"target_tokens": 300}})
    assert len(served.engine.last.json["prompt"]) <= 300


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"prompt": [5, 6, 7]}, "client_token_ids"),
        ({"prompt": [[5, 6], [7]]}, "client_token_ids"),
        ({"prompt": rag(), "echo": True}, "echo"),
        ({"prompt": rag(), "prompt_logprobs": 0}, "prompt_logprobs"),
        ({"prompt": rag(), "suffix": "the end"}, "suffix"),
    ],
)
async def test_answers_that_speak_of_the_prompt_leave_it_alone(
    served: Served, fields: dict[str, object], reason: str
) -> None:
    raw = json.dumps(fields).encode()
    response = await served.post(COMPLETIONS, raw)
    assert response.headers["x-semtoken-status"] == "skipped"
    assert response.headers["x-semtoken-reason"] == reason
    assert served.engine.last.body == raw


async def test_the_engine_s_own_errors_pass(served: Served, engine: FakeEngine) -> None:
    engine.behaviour = "refuse"
    response = await served.post(CHAT, chat("Hello", max_tokens=10**9))
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "max_tokens is too large"
    assert "semtoken" not in response.json()
    engine.behaviour = "busy"
    response = await served.post(CHAT, chat("Hello"))
    assert (response.status_code, response.headers["retry-after"]) == (503, "7")


async def test_an_engine_that_dies_is_a_502_or_503_in_openai_form(served: Served, engine: FakeEngine) -> None:
    engine.behaviour = "break_body"
    response = await served.post(CHAT, chat("Hello"))
    assert response.status_code == 502
    assert response.json()["error"]["code"] == "engine_connection"
    engine.behaviour = "die"
    response = await served.post(CHAT, chat("Hello"))
    assert response.status_code == 502
    assert response.json()["error"]["type"] == "server_error"


async def test_no_engine_is_a_503(engine: FakeEngine) -> None:
    async with gateway(engine) as served:
        await engine.__aexit__()
        codes = [(await served.post(CHAT, chat("Hello"))).status_code for _ in range(2)]
        assert codes[-1] == 503
        assert served.metric("semtoken_admission_rejections_total", reason="no_engine") == 1
