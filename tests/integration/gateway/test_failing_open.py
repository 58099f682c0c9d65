"""Compression that fails: the prompt goes through as it came, and the answer says why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes.compressors import GatedCompressor, Load, crashing, missing, unloadable, with_broken_encoder
from fakes.encoders import bytes_tokenizer
from fakes.engine import FakeEngine
from fakes.serving import Served, eventually, gateway
from fakes.texts import chat, rag
from semtoken import Compressor

CHAT = "/v1/chat/completions"
BODY = chat(rag())
# Only a chat that has had an answer can have a prefix that the engine caches.
GOING_ON = {**BODY, "messages": [*BODY["messages"], {"role": "assistant", "content": "Yes."}, *BODY["messages"]]}


async def fails_open(served: Served, reason: str) -> None:
    """The chat reaches the engine as it came, and a completion does, and with ``closed`` there is a 503."""
    for path, body in ((CHAT, GOING_ON), ("/v1/completions", {"prompt": rag()})):
        response = await served.post(path, body)
        assert response.status_code == 200, response.text
        assert response.headers["x-semtoken-status"] == "failed-open"
        assert response.headers["x-semtoken-reason"] == reason
        assert response.json()["semtoken"]["status"] == "failed-open"
        assert served.engine.last.json == body
    forwarded = len(served.engine.received)
    closed = await served.post(CHAT, {**BODY, "semtoken": {"on_failure": "closed"}})
    assert closed.status_code == 503
    assert closed.json()["error"]["code"] == reason
    assert len(served.engine.received) == forwarded
    assert served.metric("semtoken_compression_requests_total", status="failed-open", reason=reason) == 2
    assert served.metric("semtoken_compression_requests_total", status="refused", reason=reason) == 1
    assert served.metric("semtoken_prefix_breaks_total", cause="failed_open") == 1


@pytest.mark.parametrize(
    ("load", "reason"),
    [
        (missing, "encoder_missing"),
        (unloadable, "encoder_error"),
        (with_broken_encoder, "encoder_error"),
        (crashing(ZeroDivisionError("a bug")), "encoder_error"),
        (crashing(MemoryError()), "encoder_error"),
        (crashing(SystemExit(3)), "encoder_error"),
    ],
)
async def test_no_encoder_or_a_broken_one(engine: FakeEngine, load: Load, reason: str) -> None:
    async with gateway(engine, load) as served:
        await fails_open(served, reason)


async def test_a_missing_encoder_folder(engine: FakeEngine, tmp_path: Path) -> None:
    nowhere = tmp_path / "no-encoder"
    async with gateway(engine, lambda tokenizer: Compressor.from_pretrained(nowhere, tokenizer, "cpu")) as served:
        ready = await served.client.get("/health/ready")
        assert ready.status_code == 200
        assert str(nowhere) in ready.json()["encoder"]
        await fails_open(served, "encoder_missing")


async def test_another_tokenizer_than_the_engine_s(engine: FakeEngine) -> None:
    engine.tokenizer = bytes_tokenizer()
    async with gateway(engine) as served:
        ready = await served.client.get("/health/ready")
        assert ready.status_code == 200
        assert ready.json()["tokenizer"].startswith("mismatch: ")
        await fails_open(served, "tokenizer_mismatch")


async def test_an_engine_without_tokenize(engine: FakeEngine) -> None:
    engine.tokenize_status = 404
    async with gateway(engine) as served:
        assert (await served.client.get("/health/ready")).json()["tokenizer"].startswith("unavailable: ")
        await fails_open(served, "tokenizer_unchecked")


@asynccontextmanager
async def held_up(engine: FakeEngine, **settings: Any) -> AsyncIterator[tuple[Served, GatedCompressor]]:
    """A gateway whose compressions all wait until the gate is opened."""
    compressor = GatedCompressor()
    async with gateway(engine, compressor.load, **{"compress_timeout_s": 60, **settings}) as served:
        try:
            yield served, compressor
        finally:
            compressor.gate.set()


def posted(served: Served, body: dict[str, Any]) -> asyncio.Task[httpx.Response]:
    return asyncio.create_task(served.post(CHAT, body))


def numbered(number: int) -> dict[str, Any]:
    """Chats that can be told apart."""
    return chat(f"Chat {number}. {rag()}")


def begun(compressor: GatedCompressor, *bodies: dict[str, Any]) -> int:
    """How many of these chats somebody began to compress."""
    return sum(body["messages"] in compressor.begun for body in bodies)


async def test_a_compression_past_its_deadline(engine: FakeEngine) -> None:
    async with held_up(engine, compress_timeout_s=0.05) as (served, _):
        await fails_open(served, "deadline")


async def test_what_waited_too_long_is_never_computed(engine: FakeEngine) -> None:
    async with held_up(engine, compress_timeout_s=0.3) as (served, compressor):
        bodies = [numbered(number) for number in range(4)]
        answers = await asyncio.gather(*(served.post(CHAT, body) for body in bodies))
        assert {answer.headers["x-semtoken-reason"] for answer in answers} == {"deadline"}
        compressor.gate.set()
        # Whatever was left in the queue would be begun before this one.
        last = numbered(4)
        for _ in range(100):
            await served.post(CHAT, last)
            if begun(compressor, last):
                break
        assert begun(compressor, last)
        # One may have stood at the gate already when its time was up.
        assert begun(compressor, *bodies) <= 1


async def test_a_full_queue_refuses_at_once(engine: FakeEngine) -> None:
    async with held_up(engine, compress_queue=1) as (served, compressor):
        running = [posted(served, BODY), posted(served, BODY)]
        await eventually(lambda: served.backend.queue_depth == 2)
        third = await served.post(CHAT, BODY)
        assert third.headers["x-semtoken-reason"] == "queue_full"
        compressor.gate.set()
        answers = await asyncio.gather(*running)
        assert [answer.headers["x-semtoken-status"] for answer in answers] == ["compressed"] * 2


async def test_the_gateway_answers_while_it_compresses(engine: FakeEngine) -> None:
    async with held_up(engine) as (served, compressor):
        compressing = posted(served, BODY)
        await compressor.entered()
        assert (await served.client.get("/health/live")).status_code == 200
        short = await served.post(CHAT, chat("Hello"))
        assert short.headers["x-semtoken-reason"] == "too_short"
        assert not compressing.done()
        compressor.gate.set()
        assert (await compressing).headers["x-semtoken-status"] == "compressed"


async def test_a_client_that_leaves_the_queue_is_not_computed(engine: FakeEngine) -> None:
    async with held_up(engine) as (served, compressor):
        first, left, last = (numbered(number) for number in range(3))
        running = posted(served, first)
        await compressor.entered()
        leaving = posted(served, left)
        await eventually(lambda: served.backend.queue_depth == 2)
        leaving.cancel()
        await eventually(lambda: served.metric("semtoken_requests_total", route=CHAT, code="499") == 1)
        compressor.gate.set()
        await running
        # Whatever was left in the queue would be begun before this one.
        await served.post(CHAT, last)
        assert begun(compressor, first, last) == 2
        assert begun(compressor, left) == 0
        assert len(engine.received) == 2
