"""Room over HTTP: requests at once, bytes, waiting, slow bodies, long prompts; and pages of other origins."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from fakes.encoders import HashEncoder, small_tokenizer
from fakes.engine import MODEL, FakeEngine
from fakes.keys import entry, write_keys
from fakes.serving import Served, eventually, gateway
from semtoken import Compressor

CHAT = "/v1/chat/completions"
HELLO: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] == code
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert ("retry-after" in answer.headers) == (status in (429, 503))


async def begun(engine: FakeEngine, served: Served, count: int = 1) -> list[asyncio.Task[httpx.Response]]:
    """Requests that the engine has and does not answer yet."""
    engine.behaviour = "stall"
    before = len(engine.received)
    tasks = [asyncio.create_task(served.post(CHAT, HELLO)) for _ in range(count)]
    await eventually(lambda: len(engine.received) == before + count)
    return tasks


async def test_one_too_many_waits_for_its_turn(engine: FakeEngine) -> None:
    async with gateway(engine, max_concurrent=1, max_queue=1) as served:
        (running,) = await begun(engine, served)
        waiting = asyncio.create_task(served.post(CHAT, HELLO))
        await eventually(lambda: len(served.gateway.access.gate._queue) == 1)
        refused(await served.post(CHAT, HELLO), 429, "overloaded")
        # Health and metrics are served however full it is.
        assert (await served.client.get("/health/live")).status_code == 200
        assert len(engine.received) == 1
        engine.resume.set()
        assert [(await task).status_code for task in (running, waiting)] == [200, 200]
        assert served.metric("semtoken_admission_rejections_total", reason="queue_full") == 1
        await eventually(lambda: served.gateway.access.gate.inside == served.gateway.access.gate.held_bytes == 0)


async def test_the_wait_has_an_end(engine: FakeEngine) -> None:
    async with gateway(engine, max_concurrent=1, queue_wait_s=0.05) as served:
        (running,) = await begun(engine, served)
        refused(await served.post(CHAT, HELLO), 503, "overloaded")
        engine.resume.set()
        assert (await running).status_code == 200
        assert served.metric("semtoken_admission_rejections_total", reason="queue_wait") == 1


async def test_bodies_have_a_bound_together(engine: FakeEngine) -> None:
    async with gateway(engine, max_inflight_bytes=3_000, max_queue=0) as served:
        (running,) = await begun(engine, served)
        long = {**HELLO, "user": "x" * 2_880}
        refused(await served.post(CHAT, long), 429, "overloaded")
        refused(await served.post(CHAT, {**HELLO, "user": "x" * 4_000}), 413, "body_too_large")
        refused(await served.client.post(CHAT, content=chunks(b"x" * 4_000)), 503, "overloaded")
        engine.resume.set()
        assert (await running).status_code == 200


async def chunks(body: bytes) -> Any:
    for start in range(0, len(body), 500):
        yield body[start : start + 500]


async def test_a_client_that_leaves_gives_everything_back(engine: FakeEngine) -> None:
    async with gateway(engine, max_concurrent=1) as served:
        (running,) = await begun(engine, served)
        running.cancel()
        await eventually(engine.cancelled.is_set)
        await eventually(lambda: served.gateway.access.gate.inside == served.gateway.access.gate.held_bytes == 0)
        engine.resume.set()
        assert (await served.post(CHAT, HELLO)).status_code == 200


async def test_a_body_that_trickles_is_given_up(engine: FakeEngine) -> None:
    async with gateway(engine, body_timeout_s=0.2) as served:
        reader, writer = await asyncio.open_connection(*served.url.removeprefix("http://").split(":"))
        writer.write(f'POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{{"a'.encode())
        async with asyncio.timeout(30):
            # Read to its end, which is there only because the gateway closes the connection.
            answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"body_timeout"' in answer
        assert served.gateway.access.gate.inside == 0
        assert served.metric("semtoken_admission_rejections_total", reason="body_timeout") == 1


async def test_prompts_have_a_length(engine: FakeEngine) -> None:
    async with gateway(engine, max_prompt_tokens=50) as served:
        long = "one two three " * 50
        part = {"type": "text", "text": long}
        for route, body in (
            (CHAT, {**HELLO, "messages": [{"role": "system", "content": long}, *HELLO["messages"]]}),
            (CHAT, {**HELLO, "messages": [{"role": "user", "content": [part]}], "semtoken": {"mode": "off"}}),
            ("/v1/completions", {"prompt": long}),
            ("/v1/completions", {"prompt": [1] * 51}),
            ("/v1/compress", {"text": long}),
            ("/v1/compress", {"messages": [{"role": "user", "content": long}]}),
            ("/v1/embeddings", {"input": [long]}),
        ):
            refused(await served.post(route, body), 413, "prompt_too_large")
        assert engine.received == engine.passed == []
        # An image is no text, however long its body.
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
        parts = [image, {"type": "text", "text": "What?"}]
        assert (await served.post(CHAT, {**HELLO, "messages": [{"role": "user", "content": parts}]})).status_code == 200
        assert (await served.post("/v1/completions", {"prompt": [1] * 50})).status_code == 200


async def test_tenants_share_no_vectors_and_keys_of_one_do(engine: FakeEngine, tmp_path: Path) -> None:
    keys = write_keys(tmp_path / "k.yaml", entry("a", "a"), entry("b", "b", tenant="t"), entry("c", "c", tenant="t"))
    tenants: list[str] = []

    class Recorded(Compressor):
        def for_tenant(self, tenant: str) -> Self:
            # What comes of it is a Recorded too, and asked for no tenant again.
            tenants.append(tenant)
            return super().for_tenant(tenant)

    body = {"text": "The mill stands by the river. " * 30}
    async with gateway(engine, lambda _: Recorded(HashEncoder(), small_tokenizer()), keys_file=keys) as served:
        for key in "abc":
            answer = await served.post("/v1/compress", body, headers={"x-api-key": key})
            assert answer.status_code == 200
            chat = {**HELLO, "messages": [{"role": "user", "content": body["text"]}], "semtoken": {"mode": "force"}}
            assert (await served.post(CHAT, chat, headers={"x-api-key": key})).status_code == 200
    assert tenants == ["a", "a", "t", "t", "t", "t"]


@pytest.mark.parametrize("origins", [(), ("https://chat.example",)])
async def test_pages_of_other_origins(engine: FakeEngine, tmp_path: Path, origins: tuple[str, ...]) -> None:
    keys = write_keys(tmp_path / "keys.yaml", entry("k"))
    asked = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,x-semtoken-ratio",
    }
    async with gateway(engine, keys_file=keys, cors_origins=origins) as served:
        for origin in ("https://chat.example", "https://evil.example"):
            allowed = origin if origin in origins else None
            before = await served.client.options(CHAT, headers={"origin": origin, **asked})
            assert before.headers.get("access-control-allow-origin") == allowed
            if allowed:
                assert "x-semtoken-ratio" in before.headers["access-control-allow-headers"]
            for key, status in (("k", 200), ("wrong", 401)):
                headers = {"origin": origin, "authorization": f"Bearer {key}"}
                answer = await served.post(CHAT, HELLO, headers=headers)
                assert answer.status_code == status
                assert answer.headers.get("access-control-allow-origin") == allowed
                assert "access-control-allow-credentials" not in answer.headers
