"""Settings that change under way reach everyone who goes by them."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from fakes.engine import MODEL, FakeEngine
from fakes.keys import entry, write_keys
from fakes.serving import MIN_TOKENS, Served, eventually, gateway
from fakes.texts import chat, rag
from semtoken_server.settings import CompressionDefaults

CHAT = "/v1/chat/completions"
BODY = chat(rag())
LEAST = 10
OTHER = CompressionDefaults(ratio=3.0, min_tokens=MIN_TOKENS)


def scored(served: Served) -> float:
    return served.metric("semtoken_quality_replays_total", outcome="scored")


def is_scored(served: Served, count: float) -> bool:
    return scored(served) == count


async def sampled(served: Served, count: int) -> None:
    """So many more requests, each compressed and scored."""
    before = scored(served)
    for number in range(1, count + 1):
        assert (await served.post(CHAT, BODY)).headers["x-semtoken-status"] == "compressed"
        await eventually(partial(is_scored, served, before + number))


async def test_quality_is_measured_of_the_new_compression(engine: FakeEngine) -> None:
    async with gateway(engine, quality_share=1.0) as served:
        served.reconfigure(compression=OTHER)
        await sampled(served, 1)
        # What was the server's own is now a client's wish.
        await served.post(CHAT, {**BODY, "semtoken": {"ratio": 2.4}})
        await sampled(served, 1)
        assert len(engine.scored) == 4


async def test_samples_of_the_compression_before_do_not_count(engine: FakeEngine) -> None:
    async with gateway(engine, quality_share=1.0, quality_min_samples=LEAST) as served:
        engine.drift = 0.0
        await sampled(served, LEAST)
        served.reconfigure(compression=OTHER)
        engine.drift = 2.0
        await sampled(served, LEAST)
        assert (await served.post(CHAT, BODY)).headers["x-semtoken-reason"] == "quality_switched_off"


async def test_a_probe_is_of_the_new_compression(engine: FakeEngine) -> None:
    now = [1000.0]
    settings: dict[str, Any] = {"quality_share": 1.0, "quality_min_samples": LEAST, "quality_probe_s": 60}
    async with gateway(engine, clock=lambda: now[0], **settings) as served:
        engine.drift = 2.0
        await sampled(served, LEAST)
        served.reconfigure(compression=OTHER)
        assert (await served.post(CHAT, BODY)).headers["x-semtoken-reason"] == "quality_switched_off"
        now[0] += 61
        engine.drift = 0.0
        await sampled(served, LEAST)
        assert served.metric("semtoken_quality_switched_off", model=MODEL) == 0


async def test_bodies_over_the_limit_before_take_their_room(engine: FakeEngine) -> None:
    large = {**BODY, "user": "x" * 50_000}
    async with gateway(engine, max_body_bytes=20_000, max_inflight_bytes=80_000, queue_wait_s=0.05) as served:
        assert (await served.post(CHAT, large)).status_code == 413
        served.reconfigure(max_body_bytes=60_000)
        engine.behaviour = "stall"
        running = asyncio.create_task(served.post(CHAT, large))
        await eventually(lambda: len(engine.received) == 1)
        assert served.gateway.access.gate.held_bytes > 50_000
        assert (await served.post(CHAT, large)).status_code == 503
        engine.resume.set()
        assert (await running).status_code == 200


async def test_a_body_that_waited_while_the_limit_rose_takes_its_room(engine: FakeEngine) -> None:
    large = {**BODY, "user": "x" * 50_000}
    async with gateway(engine, max_body_bytes=20_000, max_concurrent=1) as served:
        engine.behaviour = "stall"
        first = asyncio.create_task(served.post(CHAT, BODY))
        await eventually(lambda: len(engine.received) == 1)
        second = asyncio.create_task(served.post(CHAT, large))
        gate = served.gateway.access.gate
        await eventually(lambda: len(gate._queue) == 1)
        served.reconfigure(max_body_bytes=60_000)
        first.cancel()
        await eventually(lambda: len(engine.received) == 2)
        assert gate.held_bytes > 50_000
        engine.resume.set()
        assert (await second).status_code == 200
        await eventually(lambda: gate.held_bytes == 0)


async def test_counting_a_prompt_has_the_new_time(engine: FakeEngine) -> None:
    async with gateway(engine) as served:
        served.reconfigure(compress_timeout_s=0.25)
        assert served.gateway.access.prompts.timeout_s == served.gateway.compression.timeout_s == 0.25


async def test_keys_are_read_again(engine: FakeEngine, tmp_path: Path) -> None:
    file = write_keys(tmp_path / "keys.yaml", entry("one"))
    async with gateway(engine, keys_file=file) as served:
        write_keys(file, entry("two"))
        served.reconfigure()
        answers = [await served.post(CHAT, BODY, headers={"x-api-key": key}) for key in ("one", "two")]
        assert [answer.status_code for answer in answers] == [401, 200]
