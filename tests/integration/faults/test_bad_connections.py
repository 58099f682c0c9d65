"""A proxy before the engine that delays, cuts and corrupts what it answers."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter

import pytest
from fakes.fleet import RunningEngine, engines, gateway_before
from fakes.proxy import Proxy
from integration.faults.conftest import Record
from integration.faults.outcomes import CHAT, Outcome, asked, judged, only, outcome, outcomes

# Of the fake engine's answers, heads included: a stream has about 550, one piece 350.
ANSWER_BYTES = {True: 550, False: 350}
# Each request is to meet its fault.
ONE_TRY = {"engine_retries": 0, "engine_breaker_failures": 1000}


@pytest.mark.parametrize("stream", [True, False])
async def test_delayed_answers_come_late(stream: bool, record: Record) -> None:
    async with (
        engines(()) as (engine,),
        Proxy(engine.port, delay_s=0.2) as proxy,
        gateway_before(proxy.url) as served,
    ):
        seen = await outcomes(served.client, 20, stream=stream)
        assert seen == {"answered": 20}
    record(f"every piece of an answer delayed by 0.2 s, {_kind(stream)}", seen)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_connection_cut_anywhere_is_an_error_or_an_error_event(stream: bool, record: Record) -> None:
    allowed: tuple[Outcome, ...] = ("answered", "error", "error event") if stream else ("answered", "error")
    seen: Counter[Outcome] = Counter()
    async with engines(()) as (engine,), Proxy(engine.port) as proxy, gateway_before(proxy.url, **ONE_TRY) as served:
        for cut_after in range(0, ANSWER_BYTES[stream], 10):
            proxy.cut_after = cut_after
            seen[await outcome(served.client, stream=stream)] += 1
    assert only(seen, *allowed)
    assert seen["error"] > 0
    assert not stream or seen["error event"] > 0
    record(f"connection reset after 0, 10, 20, … bytes of the answer, {_kind(stream)}", seen)


@pytest.mark.parametrize("stream", [True, False])
async def test_with_another_engine_a_cut_before_the_first_byte_is_not_seen(stream: bool, record: Record) -> None:
    async with (
        engines((), ()) as (engine, other),
        Proxy(engine.port, cut_after=100) as proxy,
        gateway_before(proxy.url, other.url) as served,
    ):
        seen = Counter([await outcome(served.client, stream=stream) for _ in range(20)])
        assert seen == {"answered": 20}
        # Half of them until the breaker opened; the gateway's own look at the tokenizer may be one.
        assert 3 <= served.metric("semtoken_engine_retries_total", cause="connection") <= 10
    record(f"connection reset before the first byte, another engine is there, {_kind(stream)}", seen)


@pytest.mark.parametrize("stream", [True, False])
async def test_corrupt_bytes_neither_hang_nor_break_the_gateway(stream: bool, record: Record) -> None:
    """A byte of the text itself that is another one is nothing a gateway could see: it passes."""
    seen: Counter[Outcome] = Counter()
    altered = 0
    places = random.Random(7).sample(range(ANSWER_BYTES[stream]), 100)
    # A length that is another one makes the gateway wait for bytes that nobody sends.
    limits = {**ONE_TRY, "engine_read_timeout_s": 0.5}
    async with engines(()) as (engine,), Proxy(engine.port) as proxy, gateway_before(proxy.url, **limits) as served:
        for place in places:
            proxy.corrupt_at = place
            # The gateway's own HTTP is whole, whatever the engine's is: the client does not raise.
            response = await served.client.post(CHAT, json=asked(stream=stream))
            told = judged(response, stream=stream, words=5)
            if told == "broken" and response.status_code == 200:
                altered += 1
            else:
                seen[told] += 1
    assert seen["error"] > 0
    assert seen["broken"] == 0
    assert altered + seen.total() == 100
    record(f"one byte of the answer corrupted, at 100 places ({altered} passed altered), {_kind(stream)}", seen)


async def test_a_wrong_length_within_a_stream_ends_it(record: Record) -> None:
    """Each event comes by itself, so that the length of one is spoilt when others have gone out."""
    limits = {**ONE_TRY, "engine_read_timeout_s": 30}
    began = time.monotonic()

    async def spoilt(engine: RunningEngine, places: range) -> Counter[Outcome]:
        seen: Counter[Outcome] = Counter()
        async with Proxy(engine.port) as proxy, gateway_before(proxy.url, **limits) as served:
            for place in places:
                proxy.corrupt_at = place
                response = await asyncio.wait_for(served.client.post(CHAT, json=asked(stream=True)), 20)
                told = judged(response, stream=True, words=5)
                if told != "broken":
                    seen[told] += 1
        return seen

    async with engines(("--prefill", "0.05", "--gap", "0.05")) as (engine,):
        # The head has about 170 bytes and each event 90, its length first.
        parts = [spoilt(engine, range(150 + 2 * first, 550, 10)) for first in range(5)]
        seen = sum(await asyncio.gather(*parts), Counter[Outcome]())
    assert time.monotonic() - began < 300
    assert seen["error event"] >= 5
    record("one byte of a stream corrupted that comes event by event (those that passed altered left out)", seen)


async def test_an_answer_that_never_comes_through_is_given_up_and_hangs_nobody_else(record: Record) -> None:
    async with engines((), ()) as (engine, other), Proxy(engine.port, silent=True) as proxy:
        limits = {"engine_first_byte_timeout_s": 1.0, "engine_breaker_failures": 3, "engine_breaker_open_s": 60}
        async with gateway_before(proxy.url, other.url, **limits) as served:
            seen = await outcomes(served.client, 16, stream=True)
            assert seen == {"answered": 16}
            assert served.metric("semtoken_engine_retries_total", cause="timeout") >= 3
            name = proxy.url.removeprefix("http://")
            assert served.metric("semtoken_engine_breaker_open", engine=name) == 1
            before = served.metric("semtoken_engine_requests_total", engine=name)
            assert await outcomes(served.client, 10, stream=True) == {"answered": 10}
            assert served.metric("semtoken_engine_requests_total", engine=name) == before
    record("engine answers health checks and nothing else, another engine is there, streamed", seen)


async def test_a_first_byte_that_comes_late_is_waited_for_where_nobody_else_has_the_model(record: Record) -> None:
    limits = {"engine_first_byte_timeout_s": 1.0, "engine_breaker_failures": 3}
    async with engines(("--prefill", "4.0")) as (engine,), gateway_before(engine.url, **limits) as served:
        seen = await outcomes(served.client, 10, stream=True)
        assert seen == {"answered": 10}
        assert (await engine.stats())["received"] == 10
    record("first byte of the only engine later than the first-byte time, streamed", seen)


def _kind(stream: bool) -> str:
    return "streamed" if stream else "in one piece"
