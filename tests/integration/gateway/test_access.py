"""Keys over HTTP: who is let in, and what each key may do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fakes.engine import MODEL, FakeEngine
from fakes.keys import entry, write_keys
from fakes.serving import ENGINE_KEY, Served, eventually, gateway

CHAT = "/v1/chat/completions"
HELLO: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
PROMPT: dict[str, Any] = {"model": MODEL, "prompt": "Hello"}
ROUTES = (CHAT, "/v1/completions", "/v1/compress", "/v1/embeddings", "/tokenize", "/detokenize")


def bearer(key: str) -> dict[str, Any]:
    return {"headers": {"authorization": f"Bearer {key}"}}


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return write_keys(
        tmp_path / "keys.yaml",
        entry("full", "full"),
        entry("narrow", "narrow", models=[MODEL], options={"ratio": {"max": 4}, "keep_tags": False}),
        entry("other", "other", models=["other-model"]),
        entry("passing", "passing", passes=["cache_salt", "x-session-id", "x-vllm-priority"]),
    )


@pytest.fixture
async def locked(engine: FakeEngine, keys: Path) -> AsyncIterator[Served]:
    async with gateway(engine, keys_file=keys) as served:
        yield served


async def test_without_a_key_nothing_but_health_and_metrics_is_served(locked: Served) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}, {"x-api-key": "wrong"}, {"authorization": "Basic full"}):
        for route in ROUTES:
            answer = await locked.post(route, {**HELLO, **PROMPT}, headers=headers)
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "invalid_api_key"
            assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.headers["x-request-id"]
            assert "wrong" not in answer.text.replace("wrong API key", "")
        for path in ("/v1/models", f"/v1/models/{MODEL}", "/nothing", "/sleep"):
            assert (await locked.client.get(path, headers=headers)).status_code == 401
    assert locked.engine.received == locked.engine.passed == []
    assert locked.metric("semtoken_auth_failures_total") == 40
    assert locked.metric("semtoken_requests_total", route=CHAT, code="401") == 4
    for path in ("/health/live", "/health/ready", "/metrics"):
        assert (await locked.client.get(path)).status_code == 200


async def test_who_is_refused_is_answered_before_the_body_is_there(locked: Served) -> None:
    reader, writer = await asyncio.open_connection(*locked.url.removeprefix("http://").split(":"))
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer wrong\r\ncontent-length: 1000\r\n\r\n"
    writer.write(head.encode())
    async with asyncio.timeout(30):
        assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
    writer.close()


async def test_with_a_key_everything_is_served_and_the_engine_never_sees_it(locked: Served) -> None:
    for headers in ({"authorization": "Bearer full"}, {"x-api-key": "full"}):
        assert (await locked.post(CHAT, HELLO, headers=headers)).status_code == 200
        assert (await locked.post("/v1/embeddings", {"input": "x"}, headers=headers)).status_code == 200
        for received in (locked.engine.last, locked.engine.passed[-1]):
            assert received.headers["authorization"] == f"Bearer {ENGINE_KEY}"
            assert "x-api-key" not in received.headers
            assert "full" not in str(received.headers)


async def test_a_key_sees_and_uses_its_models_alone(locked: Served) -> None:
    async def listed(key: str) -> list[str]:
        return [card["id"] for card in (await locked.client.get("/v1/models", **bearer(key))).json()["data"]]

    assert await listed("full") == ["adapter", MODEL]
    assert await listed("narrow") == [MODEL]
    assert await listed("other") == []
    assert (await locked.client.get(f"/v1/models/{MODEL}", **bearer("narrow"))).status_code == 200
    assert (await locked.client.get("/v1/models/adapter", **bearer("narrow"))).status_code == 404
    for route in (CHAT, "/v1/completions", "/v1/embeddings", "/tokenize"):
        body = {**HELLO, **PROMPT}
        assert (await locked.post(route, body, **bearer("narrow"))).status_code == 200
        refused = await locked.post(route, body, **bearer("other"))
        assert (refused.status_code, refused.json()["error"]["param"]) == (404, "model")
        del body["model"]
        unnamed = await locked.post(route, body, **bearer("narrow"))
        assert (unnamed.status_code, unnamed.json()["error"]["param"]) == (400, "model")


@pytest.mark.parametrize(
    ("options", "param"), [({"ratio": 5}, "ratio"), ({"keep_tags": False}, "keep_tags"), ({"ratio": 4}, None)]
)
async def test_options_are_narrowed_by_key(locked: Served, options: dict[str, Any], param: str | None) -> None:
    for route, body in ((CHAT, HELLO), ("/v1/completions", PROMPT), ("/v1/compress", {"text": "Hello"})):
        answer = await locked.post(route, {**body, "semtoken": options}, **bearer("narrow"))
        if param is None:
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
        name, value = next(iter(options.items()))
        header = {f"x-semtoken-{name.replace('_', '-')}": str(value), **bearer("narrow")["headers"]}
        assert (await locked.post(route, body, headers=header)).status_code == answer.status_code
        assert (await locked.post(route, {**body, "semtoken": options}, **bearer("full"))).status_code == 200


@pytest.mark.parametrize("field", ["cache_salt", "priority"])
async def test_fields_that_pass_only_with_a_key_that_says_so(locked: Served, field: str) -> None:
    value = "salt" if field == "cache_salt" else -1
    for route, body in ((CHAT, HELLO), ("/v1/completions", PROMPT), ("/v1/embeddings", {"input": "x"})):
        refused = await locked.post(route, {**body, field: value}, **bearer("full"))
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, field)
        assert (await locked.post(route, {**body, field: None}, **bearer("full"))).status_code == 200
        answer = await locked.post(route, {**body, field: value}, **bearer("passing"))
        assert answer.status_code == (200 if field == "cache_salt" else 400)
    if field == "cache_salt":
        assert locked.engine.last.json["cache_salt"] == "salt"


@pytest.mark.parametrize("said", [{"session_id": "s"}, {"vllm_xargs": {"session_id": "s"}}])
async def test_a_session_in_the_body_needs_what_its_header_needs(locked: Served, said: dict[str, Any]) -> None:
    for route, body in ((CHAT, HELLO), ("/v1/completions", PROMPT)):
        refused = await locked.post(route, {**body, **said}, **bearer("full"))
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "session_id")
        assert (await locked.post(route, {**body, **said}, **bearer("passing"))).status_code == 200
    other = {"session_id": None, "vllm_xargs": {"beam": 1}}
    assert (await locked.post(CHAT, {**HELLO, **other}, **bearer("full"))).status_code == 200


async def test_routing_headers_pass_only_with_a_key_that_says_so(locked: Served) -> None:
    routing = {"x-session-id": "s", "x-vllm-priority": "-5", "x-data-parallel-rank": "1", "cookie": "c=d"}
    for key, expected in (("full", {}), ("passing", {"x-session-id": "s", "x-vllm-priority": "-5"})):
        await locked.post(CHAT, HELLO, headers={**routing, **bearer(key)["headers"]})
        await locked.post("/v1/embeddings", {"input": "x"}, headers={**routing, **bearer(key)["headers"]})
        for received in (locked.engine.last, locked.engine.passed[-1]):
            headers = {name.lower(): value for name, value in received.headers.items()}
            assert {name: headers[name] for name in routing if name in headers} == expected


async def test_without_keys_the_settings_say_what_passes(engine: FakeEngine, served: Served) -> None:
    assert (await served.post(CHAT, {**HELLO, "priority": 1})).status_code == 400
    async with gateway(engine, anonymous_passes=("priority", "x-session-id")) as open_:
        answer = await open_.post(CHAT, {**HELLO, "priority": 1}, headers={"X-Session-ID": "s"})
        assert answer.status_code == 200
        assert engine.last.json["priority"] == 1
        assert engine.last.headers["x-session-id"] == "s"


async def test_keys_change_without_a_restart(locked: Served, keys: Path) -> None:
    assert (await locked.post(CHAT, HELLO, **bearer("full"))).status_code == 200
    keys.write_text("keys: nonsense")  # noqa: ASYNC240
    locked_access = locked.gateway.access
    assert not locked_access.reload()
    assert (await locked.post(CHAT, HELLO, **bearer("full"))).status_code == 200
    write_keys(keys, entry("new"))
    assert locked_access.reload()
    assert (await locked.post(CHAT, HELLO, **bearer("full"))).status_code == 401
    assert (await locked.post(CHAT, HELLO, **bearer("new"))).status_code == 200


async def test_rates_of_a_key(engine: FakeEngine, tmp_path: Path) -> None:
    keys = write_keys(
        tmp_path / "keys.yaml",
        entry("few", "few", requests_per_minute=2),
        entry("short", "short", tokens_per_minute=40),
        entry("free", "free"),
    )
    async with gateway(engine, keys_file=keys) as served:
        answers = [await served.post(CHAT, HELLO, **bearer("few")) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[2].json()["error"]["code"] == "rate_limit_exceeded"
        assert 1 <= int(answers[2].headers["retry-after"]) <= 60
        assert served.metric("semtoken_admission_rejections_total", reason="request_rate") == 1

        words = {**PROMPT, "prompt": "one two three four five six seven eight"}
        codes = [(await served.post("/v1/completions", words, **bearer("short"))).status_code for _ in range(12)]
        assert codes[0] == 200
        assert codes[-1] == 429
        assert served.metric("semtoken_admission_rejections_total", reason="token_rate") == codes.count(429)
        alone = await served.post("/v1/completions", {**PROMPT, "prompt": [1] * 41}, **bearer("short"))
        assert (alone.status_code, alone.json()["error"]["code"]) == (413, "prompt_too_large")
        embedded = await served.post("/v1/embeddings", {"input": words["prompt"] * 3}, **bearer("short"))
        assert embedded.status_code in (413, 429)
        assert (await served.post(CHAT, HELLO, **bearer("free"))).status_code == 200


async def test_requests_of_a_key_at_once(engine: FakeEngine, tmp_path: Path) -> None:
    keys = write_keys(tmp_path / "keys.yaml", entry("one", "one", max_concurrent=1), entry("free", "free"))
    engine.behaviour = "stall"
    async with gateway(engine, keys_file=keys) as served:
        running = asyncio.create_task(served.post(CHAT, HELLO, **bearer("one")))
        await engine.arrived.wait()
        busy = await served.post(CHAT, HELLO, **bearer("one"))
        assert (busy.status_code, busy.headers["retry-after"]) == (429, "1")
        assert (await served.client.get("/v1/models", **bearer("free"))).status_code == 200
        engine.resume.set()
        assert (await running).status_code == 200
        assert (await served.post(CHAT, HELLO, **bearer("one"))).status_code == 200
        await eventually(lambda: not served.gateway.access.running_of["one"])
