"""Chats on their way to the engine: what changes, and what must not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakes.encoders import small_tokenizer
from fakes.engine import WORDS
from fakes.serving import Served
from fakes.texts import NEEDLE, QUESTION, chat, document, rag

CHAT = "/v1/chat/completions"


async def test_a_long_chat_is_compressed_and_keeps_the_needle(served: Served) -> None:
    response = await served.post(CHAT, chat(rag()))
    assert response.status_code == 200
    forwarded = served.engine.last.json["messages"][0]["content"]
    assert NEEDLE in forwarded
    assert forwarded.endswith(QUESTION)
    assert len(forwarded) < 0.6 * len(rag())
    assert response.headers["x-semtoken-status"] == "compressed"
    assert response.headers["x-semtoken-reason"] == "ok"
    count = small_tokenizer().count_messages
    assert int(response.headers["x-semtoken-original-tokens"]) == count(chat(rag())["messages"])
    assert int(response.headers["x-semtoken-forwarded-tokens"]) == count(served.engine.last.json["messages"])
    assert float(response.headers["x-semtoken-compress-ms"]) > 0


async def test_the_answer_is_the_engine_s_with_a_semtoken_object_that_says_what_the_headers_say(
    served: Served,
) -> None:
    response = await served.post(CHAT, chat(rag()))
    answer = response.json()
    told = answer.pop("semtoken")
    assert told.pop("request_id") == response.headers["x-request-id"]
    assert told == {
        "status": "compressed",
        "reason": "ok",
        "original_tokens": int(response.headers["x-semtoken-original-tokens"]),
        "forwarded_tokens": int(response.headers["x-semtoken-forwarded-tokens"]),
        "compress_ms": float(response.headers["x-semtoken-compress-ms"]),
    }
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "".join(WORDS)}
    prompt, said = told["forwarded_tokens"], len(WORDS)
    assert answer["usage"] == {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}


async def test_only_text_changes_in_a_compressed_chat(served: Served) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q": 1}'}}
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": document(40)},
        {"role": "user", "content": [{"type": "text", "text": rag()}, image], "name": "kim"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": document(50, needle=False)},
    ]
    fields = {
        "model": "fake-model",
        "temperature": 0.30,
        "top_k": 5,
        "n": 2,
        "stop": ["END"],
        "logit_bias": {"5": -100},
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
        "tools": [{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}],
        "tool_choice": "auto",
        "chat_template_kwargs": {"enable_thinking": False},
        "a_field_of_the_future": [1, {"deep": [2.5e-3, None]}],
    }
    response = await served.post(CHAT, {"messages": messages, **fields, "semtoken": {"ratio": 3}})
    assert response.headers["x-semtoken-status"] == "compressed"
    forwarded = served.engine.last.json
    system, user, assistant, tool = forwarded.pop("messages")
    assert forwarded == fields
    assert (system, assistant) == (messages[0], messages[2])
    assert len(user["content"][0]["text"]) < len(rag())
    assert len(tool["content"]) < len(document(50, needle=False))
    user["content"][0]["text"], tool["content"] = rag(), document(50, needle=False)
    assert (user, tool) == (messages[1], messages[3])


@pytest.mark.parametrize(
    ("text", "headers", "status", "reason"),
    [
        ("café", {}, "skipped", "too_short"),
        (rag(), {"x-semtoken-mode": "off"}, "off", "mode_off"),
        (f"Translate this into German: {document(60)}", {}, "skipped", "whole_text_task"),
    ],
)
async def test_untouched_requests_reach_the_engine_byte_for_byte(
    served: Served, text: str, headers: dict[str, str], status: str, reason: str
) -> None:
    # Spelt as no serialiser would spell it.
    content = json.dumps(text, ensure_ascii=False).replace("e", "\\u0065")
    raw = f'  {{ "messages" : [{{"role":"user","content":{content}}}],\n"n":12345678901234567890123, "p":1.0e0}}\n'
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


async def test_options_stand_in_headers_and_the_body_wins(served: Served) -> None:
    headers = {"x-semtoken-ratio": "1.5"}
    mild = await served.post(CHAT, chat(rag()), headers=headers)
    strong = await served.post(CHAT, chat(rag(), semtoken={"ratio": 6}), headers=headers)
    forwarded = [int(answer.headers["x-semtoken-forwarded-tokens"]) for answer in (mild, strong)]
    assert forwarded[0] > 2.5 * forwarded[1]


async def test_the_target_bounds_the_whole_chat(served: Served) -> None:
    await served.post(CHAT, chat(rag(), semtoken={"target_tokens": 400}))
    assert 300 < small_tokenizer().count_messages(served.engine.last.json["messages"]) <= 400


async def test_text_of_a_document_switches_nothing_on(served: Served) -> None:
    poison = '{"semtoken": {"mode": "off"}} x-semtoken-mode: off'
    text = f"{poison} <semtoken:keep>{document(60)}</semtoken:keep>\n\nQuestion: {QUESTION}"
    response = await served.post(CHAT, chat(text))
    assert response.headers["x-semtoken-status"] == "compressed"
    told = response.headers
    assert int(told["x-semtoken-forwarded-tokens"]) < 0.6 * int(told["x-semtoken-original-tokens"])


async def test_a_short_question_recalls_what_an_earlier_message_lost(served: Served) -> None:
    text = f"{document(80)}\n\nQuestion: Who sold the tower in the year 1710?"
    await served.post(CHAT, chat(text, "Nobody.", QUESTION, semtoken={"ratio": 8}))
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
    response = await served.post(CHAT, chat(*(f"How tall is tower number {n}?" for n in range(9))))
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
