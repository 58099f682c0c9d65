"""Failing open, engines that die, clients that leave."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from fakes.engine import FakeEngine
from fakes.misbehaving import Crashing, Slow, missing, raising
from gateway_bench import CHAT, Bench, Start, body

CHAT_ROUTE = "/v1/chat/completions"


async def failed_open(bench: Bench, reason: str) -> None:
    answer = await bench.client.post(CHAT_ROUTE, json=body())
    assert answer.status_code == 200
    assert (answer.headers["x-semtoken-status"], answer.headers["x-semtoken-reason"]) == ("failed-open", reason)
    assert answer.json()["semtoken"]["status"] == "failed-open"
    assert bench.engine.bodies[-1] == body()
    closed = await bench.client.post(CHAT_ROUTE, json=body(semtoken={"on_failure": "closed"}))
    assert closed.status_code == 503
    assert closed.json()["error"]["message"]


@pytest.mark.parametrize(
    ("load", "reason"), [(missing, "encoder_missing"), (raising, "encoder_error"), (Crashing(0).load, "encoder_error")]
)
async def test_without_a_working_encoder_prompts_go_through_untouched(start: Start, load: Any, reason: str) -> None:
    async with start(load) as bench:
        await failed_open(bench, reason)
        metrics = (await bench.client.get("/metrics")).text
        assert f'semtoken_compression_requests_total{{reason="{reason}",status="failed-open"}}' in metrics


async def test_a_slow_encoder_is_not_waited_for_and_what_waits_behind_it_is_never_computed(start: Start) -> None:
    slow = Slow(0.8)
    async with start(slow.load, compress_timeout_s=0.2) as bench:
        answers = await asyncio.gather(*(bench.client.post(CHAT_ROUTE, json=body()) for _ in range(4)))
        assert [a.headers["x-semtoken-reason"] for a in answers] == ["deadline"] * 4
        assert all(bodies == body() for bodies in bench.engine.bodies)
        await asyncio.sleep(1.0)
        assert slow.begun == 1


async def test_a_full_queue_fails_open_at_once(start: Start) -> None:
    slow = Slow(0.3)
    async with start(slow.load, compress_queue=1) as bench:
        answers = await asyncio.gather(*(bench.client.post(CHAT_ROUTE, json=body()) for _ in range(5)))
        reasons = sorted(a.headers["x-semtoken-reason"] for a in answers)
        assert reasons == ["ok", "ok", "queue_full", "queue_full", "queue_full"]


async def test_the_event_loop_goes_on_while_a_chat_is_compressed(start: Start) -> None:
    slow = Slow(0.5)
    async with start(slow.load) as bench:
        compressing = asyncio.create_task(bench.client.post(CHAT_ROUTE, json=body()))
        await bench.eventually(lambda: slow.begun == 1)
        assert (await bench.client.get("/health/live")).status_code == 200
        assert not compressing.done()
        assert (await compressing).headers["x-semtoken-status"] == "compressed"


async def test_another_tokenizer_means_no_compression_and_ready_says_why(start: Start) -> None:
    async with start(engine=FakeEngine(wrong_ids=True)) as bench:
        ready = await bench.client.get("/health/ready")
        assert ready.status_code == 200
        assert ready.json()["tokenizer"].startswith("mismatch")
        await failed_open(bench, "tokenizer_mismatch")


async def test_ready_follows_the_engine(bench: Bench) -> None:
    assert (await bench.client.get("/health/ready")).status_code == 200
    bench.engine.healthy = False
    for _ in range(100):
        ready = await bench.client.get("/health/ready")
        if ready.status_code == 503:
            break
        await asyncio.sleep(0.05)
    assert ready.status_code == 503
    assert ready.json()["status"] == "not ready"
    refused = await bench.client.post(CHAT_ROUTE, json=body())
    assert refused.status_code == 503
    assert refused.json()["error"]["message"]
    assert (await bench.client.get("/health/live")).status_code == 200


async def test_an_engine_that_dies_mid_stream_ends_in_an_error_event(bench: Bench) -> None:
    bench.engine.die_after = 2
    async with bench.client.stream("POST", CHAT_ROUTE, json=body(stream=True)) as answer:
        lines = [line async for line in answer.aiter_lines() if line]
    assert "error" in json.loads(lines[-1].removeprefix("data: "))
    assert "data: [DONE]" not in lines
    assert 'semtoken_stream_aborts_total{side="engine"} 1.0' in (await bench.client.get("/metrics")).text


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_aborts_the_engine(bench: Bench, stream: bool) -> None:
    bench.engine.stall_s = 5
    with pytest.raises(httpx.ReadTimeout):
        await bench.client.post(CHAT_ROUTE, json=body(stream=stream), timeout=0.7)
    await bench.eventually(lambda: bench.engine.aborted == 1, within_s=2)
    assert bench.engine.finished == 0


async def test_the_first_byte_does_not_wait_for_the_last(bench: Bench) -> None:
    bench.engine.stall_s = 0.15
    async with bench.client.stream("POST", CHAT_ROUTE, json=body(stream=True)) as answer:
        async for _ in answer.aiter_raw():
            assert bench.engine.finished == 0
            break


async def test_pass_through_routes(bench: Bench) -> None:
    for route in ("/v1/embeddings", "/detokenize"):
        answer = await bench.client.post(route, json={"model": "small", "input": "x"})
        assert answer.json() == {"model": "small", "input": "x"}
    ids = (await bench.client.post("/tokenize", json={"model": "small", "prompt": "hello"})).json()
    assert ids["count"] == len(ids["tokens"])
    assert (await bench.client.get("/v1/models")).json()["data"][0]["id"] == "small"


async def test_compress_explains_itself(bench: Bench) -> None:
    text = CHAT[1]["content"]
    told = (
        await bench.client.post("/v1/compress", json={"text": text, "query": "crate 130", "semtoken": {"ratio": 4}})
    ).json()
    assert "".join(text[start:end] for start, end in told["kept"]) == told["text"]
    assert told["compressed_tokens"] == len(told["token_ids"]) <= round(told["original_tokens"] / 4)
    assert told["spans"][0]["start"] == 0
    assert told["spans"][-1]["end"] == len(text)
    chat = (await bench.client.post("/v1/compress", json={"messages": CHAT})).json()
    assert chat["status"] == "compressed"
    assert chat["messages"][0] == CHAT[0]
    assert bench.engine.bodies == []


async def test_metrics_count_what_happened(bench: Bench) -> None:
    await bench.client.post(CHAT_ROUTE, json=body())
    await bench.client.post(CHAT_ROUTE, json=body(stream=True))
    await bench.client.post(CHAT_ROUTE, content=b"{")
    text = (await bench.client.get("/metrics")).text
    for line in (
        'semtoken_requests_total{code="200",route="/v1/chat/completions"} 2.0',
        'semtoken_requests_total{code="400",route="/v1/chat/completions"} 1.0',
        'semtoken_compression_requests_total{reason="ok",status="compressed"} 2.0',
        'semtoken_time_to_first_token_seconds_count{route="/v1/chat/completions"} 1.0',
        "semtoken_compression_ratio_count 2.0",
        "semtoken_inflight_requests 1.0",
    ):
        assert line in text
    assert 'semtoken_prompt_tokens_total{stage="original"}' in text
    assert "semtoken_engine_up{" in text
    assert all(
        name.startswith("semtoken_")
        for name in (line.split(" ")[2] for line in text.splitlines() if line.startswith("# TYPE"))
    )
