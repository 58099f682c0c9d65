"""SIGSTOP of an engine: it accepts connections and never answers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest
from fakes.fleet import engines, gateway_before
from fakes.serving import until_ready
from integration.faults.conftest import Record
from integration.faults.outcomes import Outcome, outcomes

# Long enough to catch all of them at it, however busy the machine.
SLOW = ("--prefill", "4.0")
MIDWAY = ("--gap", "0.3")
# Detection takes two health checks of 0.4 s; the deadlines that it saves one from are 120 and 600 s.
SOON_S = 30


@pytest.mark.parametrize("stream", [True, False])
async def test_what_waits_there_and_what_comes_later_goes_to_another_engine(stream: bool, record: Record) -> None:
    async with engines(SLOW, SLOW) as (one, other), gateway_before(one.url, other.url) as served:
        pending = asyncio.create_task(outcomes(served.client, 30, stream=stream))
        await one.until_running(15)
        one.freeze()
        began = time.monotonic()
        seen = await pending
        assert seen == {"answered": 30}
        assert time.monotonic() - began < SOON_S
        # Moving is no retry: there are more of them than the budget has.
        assert served.metric("semtoken_engine_retries_withheld_total") == 0
        later = await outcomes(served.client, 10, stream=stream)
        assert later == {"answered": 10}
        one.thaw()
        # The connections were given up, so the engine ends its work.
        await one.until_running(0)
    record(f"SIGSTOP of one of two engines during prefill, {_kind(stream)}", seen + later)


async def test_the_only_engine_in_one_piece_is_an_error_soon(record: Record) -> None:
    async with engines(SLOW) as (one,), gateway_before(one.url) as served:
        pending = asyncio.create_task(outcomes(served.client, 10, stream=False))
        await one.until_running(10)
        one.freeze()
        began = time.monotonic()
        seen = await pending
        assert seen == {"error": 10}
        assert time.monotonic() - began < SOON_S
        one.thaw()
    record("SIGSTOP of the only engine, in one piece", seen)


async def test_a_stream_at_the_only_engine_waits_for_it_until_its_own_deadline(record: Record) -> None:
    async with engines(SLOW) as (one,), gateway_before(one.url, engine_first_byte_timeout_s=12) as served:
        waits, gives_up = Counter[Outcome](), Counter[Outcome]()
        for seen, frozen_s in ((waits, 2.5), (gives_up, 16.0)):
            pending = asyncio.create_task(outcomes(served.client, 5, stream=True))
            await one.until_running(5)
            one.freeze()
            await asyncio.sleep(frozen_s)
            assert pending.done() == (frozen_s > 12)
            one.thaw()
            seen.update(await pending)
            await one.until_running(0)
            await until_ready(served.client)
        assert waits == {"answered": 5}
        assert gives_up == {"error": 5}
    record("SIGSTOP of the only engine for less than the first-byte time, streamed", waits)
    record("SIGSTOP of the only engine for longer than the first-byte time, streamed", gives_up)


async def test_streams_that_have_begun_end_in_an_error_event(record: Record) -> None:
    async with engines(MIDWAY, MIDWAY) as (one, other), gateway_before(one.url, other.url) as served:
        pending = asyncio.create_task(outcomes(served.client, 20, stream=True, words=30))
        await one.until_running(10)
        await asyncio.sleep(0.5)
        one.freeze()
        began = time.monotonic()
        seen = await pending
        assert seen == {"answered": 10, "error event": 10}
        assert time.monotonic() - began < SOON_S
        one.thaw()
    record("SIGSTOP of one of two engines after prefill, streamed", seen)


async def test_a_pause_shorter_than_two_health_checks_is_waited_out() -> None:
    async with engines(SLOW) as (one,), gateway_before(one.url, engine_health_timeout_s=5) as served:
        pending = asyncio.create_task(outcomes(served.client, 10, stream=False))
        await one.until_running(10)
        one.freeze()
        await asyncio.sleep(2)
        one.thaw()
        assert await pending == {"answered": 10}
        assert (await one.stats())["received"] == 10


def _kind(stream: bool) -> str:
    return "streamed" if stream else "in one piece"
