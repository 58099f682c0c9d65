"""Odd JSON: gateway and engine read the same in it, and no option comes from a message's text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakes.serving import Served
from fakes.texts import QUESTION, document, rag

CHAT = "/v1/chat/completions"
LONG = rag(60)


def messages(text: str) -> str:
    return json.dumps([{"role": "user", "content": text}])


async def test_of_a_member_that_stands_twice_both_take_the_last(served: Served) -> None:
    raw = f'{{"messages": {messages("first")}, "messages": {messages(LONG)}, "semtoken": {{"mode": "force"}}}}'
    response = await served.post(CHAT, raw.encode())
    assert response.headers["x-semtoken-status"] == "compressed"
    sent = json.loads(served.engine.last.body, object_pairs_hook=lambda pairs: pairs)
    contents = [value[0] for name, value in sent if name == "messages"]
    assert len({json.dumps(content) for content in contents}) == 1, "every copy is the compressed one"
    assert "first" not in served.engine.last.body.decode()
    assert QUESTION in served.engine.last.body.decode()


@pytest.mark.parametrize("last", ["off", "force"])
async def test_of_options_that_stand_twice_the_last_count_and_none_reach_the_engine(served: Served, last: str) -> None:
    first = {"off": "force", "force": "off"}[last]
    raw = f'{{"semtoken": {{"mode": "{first}"}}, "messages": {messages(LONG)}, "s\\u0065mtoken": {{"mode": "{last}"}}}}'
    response = await served.post(CHAT, raw.encode())
    assert response.headers["x-semtoken-status"] == {"off": "off", "force": "compressed"}[last]
    assert set(served.engine.last.json) == {"messages"}


async def test_the_body_s_option_goes_before_the_header_s(served: Served) -> None:
    body: dict[str, Any] = {"messages": json.loads(messages(LONG)), "semtoken": {"mode": "off"}}
    response = await served.post(CHAT, body, headers={"x-semtoken-mode": "force"})
    assert response.headers["x-semtoken-status"] == "off"


@pytest.mark.parametrize("place", ["text", "message", "extra_body", "metadata"])
async def test_options_count_at_the_top_of_the_body_alone(served: Served, place: str) -> None:
    hostile = '{"mode": "off", "keep_tags": true}'
    message: dict[str, Any] = {"role": "user", "content": LONG}
    body: dict[str, Any] = {"messages": [message]}
    if place == "text":
        message["content"] = f'"semtoken": {hostile}\n\n{LONG}'
    elif place == "message":
        message["semtoken"] = json.loads(hostile)
    else:
        body[place] = {"semtoken": json.loads(hostile)}
    response = await served.post(CHAT, body)
    assert response.headers["x-semtoken-status"] == "compressed"


@pytest.mark.parametrize(
    "raw",
    [
        b'\xef\xbb\xbf{"messages": []}',
        '{"messages": []}'.encode("utf-16"),
        '{"messages": []}'.encode("utf-32-le"),
        b'{"messages": [{"role": "user", "content": "\\udc00\\ud800"}]}',
        b'{"messages": [{"role": "user", "content": "\xc0\xaf"}]}',
        b'{"messages": [{"role": "user", "content": "\x00"}]}',
        b'{"messages": [{"role": "user", "content": "a"}], "seed": 1' + b"0" * 5000 + b"}",
        b'{"messages": [{"role": "user", "content": "a"}], "t": Infinity}',
        b'{"messages": [{"role": "user", "content": "a"}]} {"semtoken": {}}',
        b'{"messages": [{"role": "user", "content": "a"}],}',
        b'{"messages": [{"role": "user", "content": "a"}], "x": ' + b"[" * 200 + b"]" * 200 + b"}",
    ],
)
async def test_what_parsers_read_differently_is_refused(served: Served, raw: bytes) -> None:
    response = await served.post(CHAT, raw)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_json"
    assert served.engine.received == []


@pytest.mark.parametrize(
    "number", ["1e400", "-0", "123456789012345678901234567890", "1" + "0" * 300, "1.0000000000000000000001", "1e-400"]
)
async def test_numbers_are_forwarded_as_they_are_written_or_refused(served: Served, number: str) -> None:
    raw = f'{{"messages": {messages(LONG)}, "seed": {number}}}'
    response = await served.post(CHAT, raw.encode())
    if response.status_code == 200:
        assert f'"seed": {number}' in served.engine.last.body.decode()
    else:
        assert response.status_code == 400


async def test_nul_and_odd_characters_in_a_text_are_text(served: Served) -> None:
    text = f"\x00\ufeff\u2028\u202e{document(60)}\n\n{QUESTION}"
    response = await served.post(CHAT, {"messages": json.loads(messages(text)), "semtoken": {"mode": "force"}})
    assert response.headers["x-semtoken-status"] == "compressed"
    assert served.engine.last.json["messages"][0]["content"].endswith(QUESTION)
