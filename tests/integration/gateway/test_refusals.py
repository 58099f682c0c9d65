"""Bad input: a clear OpenAI-style error or a correct answer, never a 500, nothing that hangs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from gateway_bench import Bench, Start

USER = [{"role": "user", "content": "Hello"}]
JSON = {"content-type": "application/json"}


def check(answer: httpx.Response, status: int, param: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    if param is not None:
        assert error["param"] == param


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\x00\xff\xfe binary",
        b"null",
        b"[]",
        b'"text"',
        b'{"model": "m", "messages": [{"role": "user", "content": "\\ud83d half"}]}',
        b'{"model": "m", "messages": [{"role": "user", "content": "\xff"}]}',
        b'{"model": "m", "messages": NaN}',
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    ],
)
async def test_what_is_no_request_is_400(bench: Bench, raw: bytes) -> None:
    for route in ("/v1/chat/completions", "/v1/completions", "/v1/compress"):
        check(await bench.client.post(route, content=raw, headers=JSON), 400)
    assert bench.engine.bodies == []


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        (None, "messages"),
        ([], "messages"),
        ("text", "messages"),
        (["text"], "messages[0]"),
        ([{"content": "x"}], "messages[0].role"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "user", "content": None}], "messages[0].content"),
        ([{"role": "user", "content": 7}], "messages[0].content"),
    ],
)
async def test_malformed_messages_are_named(bench: Bench, messages: Any, param: str) -> None:
    answer = await bench.client.post("/v1/chat/completions", json={"model": "m", "messages": messages})
    check(answer, 400)
    assert str(answer.json()["error"]["param"]).replace(".0", "[0]").startswith(param.split("[", maxsplit=1)[0])


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"ratio": 0}, "ratio"),
        ({"ratio": "many"}, "ratio"),
        ({"ratio": 21}, "ratio"),
        ({"target_tokens": 0}, "target_tokens"),
        ({"mode": "sometimes"}, "mode"),
        ({"realise": "embeds"}, "realise"),
        ({"realise": "tokens"}, "realise"),
        ({"roles": ["system"]}, "roles"),
        ({"protect": [""]}, "protect"),
        ({"on_failure": "maybe"}, "on_failure"),
        ({"unknown": 1}, "unknown"),
        ({"stages": {"encode": False}}, "stages"),
        ([], "semtoken"),
    ],
)
async def test_a_bad_option_is_named(bench: Bench, options: Any, param: str) -> None:
    answer = await bench.client.post("/v1/chat/completions", json={"model": "m", "messages": USER, "semtoken": options})
    check(answer, 400, param)


async def test_a_bad_header_is_named(bench: Bench) -> None:
    for header, param in (("x-semtoken-ratio", "ratio"), ("x-semtoken-nonsense", "nonsense")):
        answer = await bench.client.post(
            "/v1/chat/completions", json={"model": "m", "messages": USER}, headers={header: "x"}
        )
        check(answer, 400, param)


@pytest.mark.parametrize(
    "extra",
    [
        {"prompt_embeds": "AAAA"},
        {"kv_transfer_params": {"do_remote_prefill": True}},
        {"vllm_xargs": {"deep": [{"kv_transfer_params": 1}]}},
        {"messages": [{"role": "user", "content": [{"type": "prompt_embeds", "data": "AAAA"}]}]},
    ],
)
async def test_embeddings_and_transfers_never_pass(bench: Bench, extra: dict[str, Any]) -> None:
    check(await bench.client.post("/v1/chat/completions", json={"model": "m", "messages": USER, **extra}), 400)
    check(await bench.client.post("/v1/completions", json={"model": "m", "prompt": "x", **extra}), 400)
    assert bench.engine.bodies == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/sleep"),
        ("POST", "/wake_up"),
        ("POST", "/v1/load_lora_adapter"),
        ("POST", "/start_profile"),
        ("POST", "/inference/v1/generate"),
        ("POST", "/v1/chat/completions/render"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", "/v1/chat/completions/../../sleep"),
        ("GET", "/"),
    ],
)
async def test_everything_else_is_404(bench: Bench, method: str, path: str) -> None:
    check(await bench.client.request(method, path, json={}), 404)


async def test_a_body_over_the_limit_is_413_before_it_is_read(start: Start) -> None:
    async with start(max_body_bytes=10_000) as bench:
        big = {"model": "m", "messages": [{"role": "user", "content": "x" * 20_000}]}
        check(await bench.client.post("/v1/chat/completions", json=big), 413)

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(40):
                yield b"x" * 1_000

        check(await bench.client.post("/v1/chat/completions", content=endless(), headers=JSON), 413)
        small = await bench.client.post("/v1/chat/completions", json={"model": "m", "messages": USER})
        assert small.status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "lorem ipsum " * 170_000,
        "a" * 300_000,
        "\u202e\u05d0\u0301" * 2_000,
        "\x00\x01" * 2_000,
        "[" * 50_000,
        "x\n" * 50_000,
    ],
)
async def test_odd_texts_are_answered(bench: Bench, text: str) -> None:
    answer = await bench.client.post(
        "/v1/chat/completions", json={"model": "m", "messages": [{"role": "user", "content": text}]}
    )
    assert answer.status_code == 200
    assert json.loads(bench.engine.raw[-1])["messages"][0]["role"] == "user"


async def test_the_engines_own_error_comes_through(bench: Bench) -> None:
    answer = await bench.client.post("/v1/chat/completions", json={"model": 3, "messages": USER})
    assert answer.status_code == 400
