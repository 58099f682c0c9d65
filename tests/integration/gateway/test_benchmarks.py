"""The measurements of `semtoken bench`, against a gateway whose engine has no model."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest
from fakes.compressors import missing
from fakes.engine import WORDS, FakeEngine
from fakes.serving import Served, gateway
from semtoken.benchmark import running_text
from semtoken.errors import EngineError
from semtoken_server.benchmark.calibrate import calibrate
from semtoken_server.benchmark.clients import Crowd, run_crowd
from semtoken_server.benchmark.engine_counters import EngineCounters
from semtoken_server.benchmark.lag import Lag, run_lag
from semtoken_server.benchmark.paired import Paired, run_paired
from semtoken_server.benchmark.prefixes import Chats, Questions, run_chats, run_questions
from semtoken_server.benchmark.target import Target, connected

TEXT = running_text(())


@pytest.fixture
async def target(served: Served) -> AsyncIterator[Target]:
    with ExitStack() as stack:
        # In a thread: the gateway answers in this very loop.
        yield await asyncio.to_thread(stack.enter_context, connected(served.url, TEXT))


async def test_pairs_are_the_same_question_off_and_on_and_never_begin_alike(served: Served, target: Target) -> None:
    found = await asyncio.to_thread(run_paired, target, Paired(900, 8, 3, pause_s=0.0))
    result = found.to_dict()
    assert result["runs"] == len(result["pairs"]) == 3
    assert result["off"]["forwarded_tokens"] == pytest.approx(900, rel=0.01)
    assert result["on"]["forwarded_tokens"] < 500
    assert result["speedup"]["tokens"] == pytest.approx(
        result["off"]["forwarded_tokens"] / result["on"]["forwarded_tokens"], abs=0.001
    )
    assert result["speedup"]["ttft"] == pytest.approx(result["off"]["ttft_s"] / result["on"]["ttft_s"], abs=0.001)
    assert result["on"]["compress_ms"] > 0
    assert result["off"]["total_s"] == pytest.approx(statistics.median(a.total_s for a in found.off), abs=1e-4)
    sent = [received.json for received in served.engine.received]
    assert len({body["messages"][0]["content"] for body in sent}) == len(sent) == 2 + 6
    assert {body["max_tokens"] for body in sent[2:]} == {8}
    assert all(answer.text == "".join(WORDS).strip() for answer in (*found.off, *found.on))


async def test_a_gateway_that_does_not_compress_is_no_result(engine: FakeEngine) -> None:
    async with gateway(engine, missing) as served:
        with ExitStack() as stack:
            target = await asyncio.to_thread(stack.enter_context, connected(served.url, TEXT))
            with pytest.raises(EngineError, match="failed-open, encoder_missing"):
                await asyncio.to_thread(run_paired, target, Paired(900, 8, 1, pause_s=0.0))


async def test_an_engine_that_refuses_is_no_result(served: Served, target: Target) -> None:
    served.engine.behaviour = "refuse"
    with pytest.raises(EngineError, match="answered 400"):
        await asyncio.to_thread(run_paired, target, Paired(900, 8, 1, pause_s=0.0))


async def test_a_stream_that_ends_in_an_error_is_no_result(served: Served, target: Target) -> None:
    served.engine.behaviour = "die_midway"
    served.engine.resume.set()
    with pytest.raises(EngineError, match="ended in an error"):
        await asyncio.to_thread(run_paired, target, Paired(900, 8, 1, pause_s=0.0))


async def test_calibrating_tries_every_length_in_both_ways(target: Target) -> None:
    found = await asyncio.to_thread(lambda: calibrate(target, lengths=(300, 200), runs=1, pause_s=0.0))
    assert [point.tokens for point in found.points] == [200, 300]
    assert found.to_dict()["points"][0]["gain"] == pytest.approx(found.points[0].gain, abs=1e-4)


async def test_a_crowd_is_answered_in_both_ways_on_the_same_documents(target: Target) -> None:
    crowd = Crowd(clients=4, requests=6, shortest=300, longest=600, output_tokens=4)
    result = await asyncio.to_thread(run_crowd, target, crowd)
    assert result["on"]["statuses"] == {"compressed": 6}
    assert result["off"]["statuses"] == {"off": 6}
    assert 1.9 < result["off"]["forwarded_tokens"] / result["on"]["forwarded_tokens"] < 2.6
    speedup = result["on"]["requests_per_s"] / result["off"]["requests_per_s"]
    assert result["speedup"]["requests_per_s"] == pytest.approx(speedup, abs=0.01)


async def test_hit_rates_are_the_engine_s_own(served: Served, target: Target) -> None:
    counters = EngineCounters(served.engine.url)
    chats = await asyncio.to_thread(run_chats, target, counters, Chats(turns=4, output_tokens=900))
    assert chats["on"]["hit_rate"] == chats["off"]["hit_rate"] == pytest.approx(50, abs=0.5)
    assert chats["points"] == 0
    assert chats["on"]["prompt_tokens"] < chats["off"]["prompt_tokens"]
    asked = await asyncio.to_thread(run_questions, target, counters, Questions(3, 400))
    assert [asked[way]["compressed"] for way in ("off", "turn", "document")] == [0, 3, 3]


async def test_counters_that_are_not_there_are_named(served: Served) -> None:
    with pytest.raises(EngineError, match="shows no metrics"):
        await asyncio.to_thread(EngineCounters(f"{served.engine.url}/nowhere").prefix_cache)


async def test_lag_is_probed_idle_and_while_a_long_text_is_compressed(target: Target) -> None:
    result = await asyncio.to_thread(run_lag, target, Lag(tokens=4000, requests=1, idle_probes=5))
    assert result["idle"]["probes"] == 5
    assert result["compressing"]["probes"] >= 1
    assert result["compressing"]["p50_ms"] <= result["compressing"]["p99_ms"] <= result["compressing"]["max_ms"]


def test_where_nobody_answers_there_is_nothing_to_measure() -> None:
    with pytest.raises(EngineError, match="no gateway answers"), connected("http://127.0.0.1:9", TEXT):
        pass
