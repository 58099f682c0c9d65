"""kill -9 of an engine before, during and after prefill, and with requests without a pause."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fakes.fleet import engines, gateway_before
from fakes.serving import eventually
from integration.faults.conftest import Record
from integration.faults.outcomes import Load, asked, only, outcomes, total

# Long enough to catch all of them at it, however busy the machine.
SLOW = ("--prefill", "4.0")
MIDWAY = ("--gap", "0.3")


@pytest.mark.parametrize("stream", [True, False])
async def test_before_prefill_another_engine_answers(stream: bool, record: Record) -> None:
    async with engines((), ()) as (one, other), gateway_before(one.url, other.url) as served:
        one.kill()
        seen = await outcomes(served.client, 40, stream=stream)
        assert seen == {"answered": 40}
        assert (await other.stats())["received"] == 40
    record(f"kill -9 before prefill, another engine is there, {_kind(stream)}", seen)


@pytest.mark.parametrize("stream", [True, False])
async def test_during_prefill_another_engine_answers(stream: bool, record: Record) -> None:
    async with engines(SLOW, SLOW) as (one, other), gateway_before(one.url, other.url) as served:
        pending = asyncio.create_task(outcomes(served.client, 20, stream=stream))
        await one.until_running(10)
        one.kill()
        seen = await pending
        assert seen == {"answered": 20}
        assert served.metric("semtoken_engine_retries_total", cause="connection") == 10
    record(f"kill -9 during prefill, another engine is there, {_kind(stream)}", seen)


@pytest.mark.parametrize("stream", [True, False])
async def test_the_only_engine_during_prefill_is_an_error_before_the_first_byte(stream: bool, record: Record) -> None:
    async with engines(SLOW) as (one,), gateway_before(one.url) as served:
        pending = asyncio.create_task(outcomes(served.client, 20, stream=stream))
        await one.until_running(20)
        one.kill()
        seen = await pending
        assert seen == {"error": 20}
    record(f"kill -9 of the only engine during prefill, {_kind(stream)}", seen)


async def test_after_prefill_streams_end_in_an_error_event(record: Record) -> None:
    async with engines(MIDWAY, MIDWAY) as (one, other), gateway_before(one.url, other.url) as served:
        pending = asyncio.create_task(outcomes(served.client, 20, stream=True, words=30))
        await one.until_running(10)
        await asyncio.sleep(0.5)
        one.kill()
        seen = await pending
        assert seen == {"answered": 10, "error event": 10}
        assert served.metric("semtoken_stream_aborts_total", side="engine") == 10
    record("kill -9 of one of two engines after prefill, streamed", seen)


async def test_after_prefill_an_answer_in_one_piece_comes_from_another_engine(record: Record) -> None:
    async with engines(MIDWAY, MIDWAY) as (one, other), gateway_before(one.url, other.url) as served:
        pending = asyncio.create_task(outcomes(served.client, 20, stream=False, words=15))
        await one.until_running(10)
        await asyncio.sleep(0.5)
        one.kill()
        seen = await pending
        assert seen == {"answered": 20}
    record("kill -9 of one of two engines after prefill, in one piece", seen)


async def test_under_load_every_request_is_answered_or_told_why_not(record: Record) -> None:
    busy = ("--prefill", "0.05", "--gap", "0.01")
    async with engines(busy, busy) as (one, other), gateway_before(one.url, other.url) as served:
        load = Load(served.client, 16, words=5)
        await eventually(lambda: total(load.seen.values()) > 100)
        one.kill()
        before = total(load.seen.values())
        await eventually(lambda: total(load.seen.values()) > before + 200)
        await load.end()
    assert only(load.seen[False], "answered", "error")
    assert only(load.seen[True], "answered", "error", "error event")
    # Those that one engine was at are all that can be lost.
    assert total(load.seen.values()) - sum(seen["answered"] for seen in load.seen.values()) <= 8
    _record_both(record, "kill -9 of one of two engines under load", load)


async def test_engines_that_restart_in_turn_lose_only_streams_that_had_begun(record: Record) -> None:
    busy = ("--prefill", "0.05", "--gap", "0.01")
    async with engines(busy, busy) as (one, other), gateway_before(one.url, other.url) as served:
        load = Load(served.client, 8, words=5)
        for engine in (one, other, one):
            done = total(load.seen.values())
            await eventually(lambda done=done: total(load.seen.values()) > done + 40)  # type: ignore[misc]
            engine.kill()
            await asyncio.sleep(0.3)
            await engine.start()
            await _until_healthy(served.client, 2)
        await load.end()
    assert only(load.seen[False], "answered", "error")
    assert only(load.seen[True], "answered", "error", "error event")
    _record_both(record, "two engines restarted in turn, three times in all, under load", load)


async def test_an_engine_that_comes_back_is_used_again() -> None:
    async with engines(()) as (one,), gateway_before(one.url) as served:
        one.kill()
        assert (await served.post("/v1/chat/completions", asked(stream=False))).status_code in (502, 503)
        await one.start()
        await _until_healthy(served.client, 1)
        assert (await served.post("/v1/chat/completions", asked(stream=False))).status_code == 200


async def _until_healthy(client: httpx.AsyncClient, count: int) -> None:
    for _ in range(1000):
        told = (await client.get("/health/ready")).json()
        if list(told["engine"].values()).count("up") == count:
            return
        await asyncio.sleep(0.02)
    raise TimeoutError(str(told))


def _record_both(record: Record, fault: str, load: Load) -> None:
    record(f"{fault}, streamed", load.seen[True])
    record(f"{fault}, in one piece", load.seen[False])


def _kind(stream: bool) -> str:
    return "streamed" if stream else "in one piece"
