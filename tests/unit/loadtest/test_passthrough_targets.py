"""The figures of the pass-through measurement, and what they are held against."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import web

from loadtest.passthrough.engine import EVENTS, STREAMED
from loadtest.passthrough.measure import Measured, OpenCase
from loadtest.passthrough.open_loop import Latencies, open_loop
from loadtest.passthrough.payload import Payload
from loadtest.passthrough.report import to_json
from loadtest.passthrough.systems import Name, System
from loadtest.passthrough.targets import Verdict, verdicts

WHOLE = Payload(prompt_bytes=2_048, streamed=False)


def rounds(*seconds: Sequence[float]) -> list[Latencies]:
    return [Latencies(list(s), list(s)) for s in seconds]


def results(by_system: dict[Name, list[Latencies]], rate: int = 20) -> dict[str, Any]:
    measured = Measured(open={OpenCase(rate, WHOLE): by_system})
    measured.idle_mib = measured.loaded_mib = dict.fromkeys(by_system, 1.0)
    return to_json([System(name, "1", "", 0) for name in by_system], measured)


def test_what_is_added_is_the_distance_of_percentiles_over_all_rounds() -> None:
    told = results({"direct": rounds([0.001], [0.001]), "gateway": rounds([0.002], [0.004])})
    (row,) = told["open_loop"]
    assert row["systems"]["gateway"]["n"] == 2
    assert row["systems"]["gateway"]["added_p50_ms"] == 2.0
    assert row["systems"]["gateway"]["added_p50_ms_by_round"] == [1.0, 3.0]
    assert row["systems"]["direct"]["added_p95_ms"] == 0.0


def test_a_system_without_answers_has_no_figures_and_no_verdict() -> None:
    told = results({"direct": rounds([0.001]), "gateway": rounds([0.002]), "litellm": [Latencies(errors=3)]})
    assert told["open_loop"][0]["systems"]["litellm"]["errors"] == 3
    assert verdicts(told) == []


def test_targets_hold_the_gateway_against_its_peers() -> None:
    by_system: dict[Name, list[Latencies]] = {
        "direct": rounds([0.001]),
        "gateway": rounds([0.003]),
        "vllm-router": rounds([0.0015]),
        "litellm": rounds([0.021]),
    }
    found = {(v.peer, v.measure): v for v in verdicts(results(by_system))}
    assert found["litellm", "added_p50_ms"].ratio == 0.1
    assert found["litellm", "added_p50_ms"].met
    assert found["vllm-router", "added_p95_ms"].ratio == 4.0
    assert not found["vllm-router", "added_p95_ms"].met
    # LiteLLM cannot follow at a hundred requests a second: nothing to be compared with.
    assert {v.peer for v in verdicts(results(by_system, rate=100))} == {"vllm-router"}


def test_throughput_has_to_be_reached_not_undercut() -> None:
    assert Verdict("", "requests_per_s", "vllm-router", 0.25, 0.2, at_least=True).met
    assert not Verdict("", "requests_per_s", "vllm-router", 0.15, 0.2, at_least=True).met


async def test_latency_counts_from_the_schedule() -> None:
    """A server that serves one at a time makes the second request wait: that wait is its latency."""
    alone = asyncio.Lock()

    async def answer(_request: web.Request) -> web.Response:
        async with alone:
            await asyncio.sleep(0.2)
        return web.Response(body=b'{"choices":[]}')

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        found = await open_loop(f"http://127.0.0.1:{port}", WHOLE, rate=20, duration_s=0.2)
    finally:
        await runner.cleanup()
    assert (len(found.last), found.errors) == (4, 0)
    # Sent 0.05 s apart, served 0.2 s each: the last one, sent at 0.15 s, is done at 0.8 s.
    assert max(found.last) > 0.6


@pytest.mark.parametrize(
    ("status", "answer", "whole"),
    [(200, b"data: x\n\n" * EVENTS + b"data: [DONE]\n\n", True), (200, b"data: [DONE]\n\n", False), (500, b"", False)],
)
def test_a_stream_that_lacks_events_is_an_error(status: int, answer: bytes, whole: bool) -> None:
    assert Payload(2_048, streamed=True).is_whole(status, answer) is whole


def test_the_engine_streams_as_many_events_as_it_says() -> None:
    assert sum(part.count(b"data:") for part in STREAMED) == EVENTS
