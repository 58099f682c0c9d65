"""Bad input: a clear error in OpenAI's form, nothing forwarded, never a 500; odd input: an answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fakes.engine import FakeEngine
from fakes.serving import Served, gateway

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
COMPRESS = "/v1/compress"
HELLO = [{"role": "user", "content": "Hello"}]


def refused(response: httpx.Response, status: int, param: str | None = None) -> dict[str, Any]:
    """The error of a refused request, checked for its form."""
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert error["param"] == param
    assert response.headers["x-request-id"]
    return dict(error)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\x00\xff\xfe binary",
        b"\xef\xbb\xbf{}",
        b'{"messages": NaN}',
        b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"messages": [{"role": "user", "content": "\xff"}]}',
        b'{"messages": [{"role": "user", "content": "\xed\xa0\x80"}]}',
        b'{"seed": ' + b"9" * 5000 + b"}",
        b'{"a":' * 300 + b"1" + b"}" * 300,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b"[" * 100_000,
    ],
)
async def test_what_is_no_json_object_is_refused(served: Served, raw: bytes) -> None:
    for route in (CHAT, COMPLETIONS, COMPRESS, "/tokenize", "/v1/embeddings"):
        assert refused(await served.post(route, raw), 400)["code"] == "invalid_json"
    assert served.engine.received == served.engine.passed == []


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "Hello"}, "messages"),
        ({"messages": ["Hello"]}, "messages[0]"),
        ({"messages": [{"content": "Hello"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [5]}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content"),
        ({"messages": HELLO, "tools": 5}, "tools"),
        ({"messages": HELLO, "model": 5}, "model"),
        ({"messages": HELLO, "stream": "yes"}, "stream"),
    ],
)
async def test_a_malformed_chat_names_its_fault(served: Served, body: Any, param: str) -> None:
    refused(await served.post(CHAT, body), 400, param)
    assert served.engine.received == []


async def test_a_malformed_prompt_is_refused(served: Served) -> None:
    prompts: list[Any] = [None, [], 5, {}, [1, "a"], [[1], "a"], [[]], [True]]
    for prompt in prompts:
        refused(await served.post(COMPLETIONS, {"prompt": prompt}), 400, "prompt")
    refused(await served.post(COMPLETIONS, {}), 400, "prompt")
    assert served.engine.received == []


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"ratio": 0}, "ratio"),
        ({"ratio": 20.5}, "ratio"),
        ({"ratio": "much"}, "ratio"),
        ({"target_tokens": 0}, "target_tokens"),
        ({"mode": "sometimes"}, "mode"),
        ({"roles": ["system"]}, "roles"),
        ({"protect": [""]}, "protect"),
        ({"on_failure": "ajar"}, "on_failure"),
        ({"realise": "embeds"}, "realise"),
        ({"min_tokens": 1}, "min_tokens"),
        ({"stages": {"encode": False}}, "stages"),
        ({"colour": "red"}, "colour"),
        ([], "semtoken"),
    ],
)
async def test_a_bad_option_is_named(served: Served, options: Any, param: str) -> None:
    for route in (CHAT, COMPLETIONS):
        body = {"messages": HELLO, "prompt": "Hello", "semtoken": options}
        refused(await served.post(route, body), 400, param)
    assert served.engine.received == []


async def test_a_bad_header_is_named(served: Served) -> None:
    for header, value, param in (("ratio", "0", "ratio"), ("ratio", "x", "ratio"), ("colour", "red", "colour")):
        response = await served.post(CHAT, {"messages": HELLO}, headers={f"x-semtoken-{header}": value})
        refused(response, 400, param)
    assert served.engine.received == []


@pytest.mark.parametrize("name", ["prompt_embeds", "kv_transfer_params", "ec_transfer_params"])
@pytest.mark.parametrize("route", [CHAT, COMPLETIONS, "/tokenize", "/v1/embeddings"])
async def test_tensors_and_cache_hand_overs_never_reach_the_engine(served: Served, route: str, name: str) -> None:
    body = {"messages": HELLO, "prompt": "Hello"}
    refused(await served.post(route, {**body, name: "AAAA"}), 400, name)
    refused(await served.post(route, {**body, "vllm_xargs": {"list": [{name: {"deep": 1}}]}}), 400, name)
    escaped = json.dumps(body)[:-1] + f', "\\u{ord(name[0]):04x}{name[1:]}": 1}}'
    refused(await served.post(route, escaped.encode()), 400, name)
    assert served.engine.received == served.engine.passed == []


async def test_embedding_parts_are_refused(served: Served) -> None:
    part = {"type": "prompt_embeds", "data": "AAAA"}
    refused(await served.post(CHAT, {"messages": [{"role": "user", "content": [part]}]}), 400, "prompt_embeds")
    assert served.engine.received == []


async def test_a_body_over_the_limit_is_refused_before_it_is_read(engine: FakeEngine) -> None:
    async with gateway(engine, max_body_bytes=1000) as served:
        # Announces more than it sends: an answer can only come from a server that does not wait for it.
        host = served.url.removeprefix("http://")
        reader, writer = await asyncio.open_connection(*host.split(":"))
        writer.write(f"POST {CHAT} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 1001\r\n\r\n{{".encode())
        status = await asyncio.wait_for(reader.readline(), timeout=10)
        assert status.startswith(b"HTTP/1.1 413 ")
        writer.close()
        await writer.wait_closed()
        assert served.metric("semtoken_admission_rejections_total", reason="body_too_large") == 1


async def test_a_body_without_a_length_has_the_same_limit(engine: FakeEngine) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'{"prompt":"'
        for _ in range(100):
            yield b"x" * 100

    async with gateway(engine, max_body_bytes=1000) as served:
        response = await served.client.post(COMPLETIONS, content=endless())
        assert refused(response, 413)["code"] == "body_too_large"
        assert served.engine.received == []
        assert (await served.post(COMPLETIONS, {"prompt": "x" * 900})).status_code == 200
