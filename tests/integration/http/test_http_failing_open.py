"""Compression that fails: the prompt goes through as it came, and the answer says why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.encoders import small_tokenizer
from fakes.fake_engine import FakeEngine
from fakes.gated import CrashingCompressor, GatedCompressor, with_broken_encoder
from fakes.serving import Served, eventually, gateway
from fakes.texts import rag
from semtoken import Compressor, ModelNotFoundError, ServedTokenizer
from semtoken_server.compression.library import CompressorLike

CHAT = "/v1/chat/completions"
BODY = {"model": "fake-model", "messages": [{"role": "user", "content": rag()}]}
CLOSED = {**BODY, "semtoken": {"on_failure": "closed"}}


async def fails_open(served: Served, reason: str) -> None:
    """The chat reaches the engine as it came, and a completion does, and with ``closed`` there is a 503."""
    for path, body in ((CHAT, BODY), ("/v1/completions", {"prompt": rag()})):
        response = await served.post(path, body)
        assert response.status_code == 200, response.text
        assert response.headers["x-semtoken-status"] == "failed-open"
        assert response.headers["x-semtoken-reason"] == reason
        assert response.json()["semtoken"]["status"] == "failed-open"
        assert served.engine.last.json == body
    forwarded = len(served.engine.received)
    closed = await served.post(CHAT, CLOSED)
    assert closed.status_code == 503
    assert closed.json()["error"]["code"] == reason
    assert len(served.engine.received) == forwarded
    assert served.metric("semtoken_compression_requests_total", status="failed-open", reason=reason) == 2
    assert served.metric("semtoken_compression_requests_total", status="refused", reason=reason) == 1
    assert served.metric("semtoken_prefix_breaks_total", cause="failed_open") == 1


class Shifted(ServedTokenizer):
    """Cuts texts as the gateway's tokenizer does, into other ids."""

    def ids(self, text: str, *, special_tokens: bool = False) -> list[int]:
        return [number + 1 for number in super().ids(text, special_tokens=special_tokens)]


def missing(_tokenizer: str) -> CompressorLike:
    raise ModelNotFoundError("no encoder at '/nowhere'")


def unloadable(_tokenizer: str) -> CompressorLike:
    raise RuntimeError("broken weights")


def crashing(error: BaseException) -> Callable[[str], CompressorLike]:
    return lambda _tokenizer: CrashingCompressor(error)


@pytest.mark.parametrize(
    ("load", "reason"),
    [
        (missing, "encoder_missing"),
        (unloadable, "encoder_error"),
        (lambda _tokenizer: with_broken_encoder(), "encoder_error"),
        (crashing(ZeroDivisionError("a bug")), "encoder_error"),
        (crashing(MemoryError()), "encoder_error"),
        (crashing(SystemExit(3)), "encoder_error"),
    ],
)
async def test_no_encoder_or_a_broken_one(
    engine: FakeEngine, load: Callable[[str], CompressorLike], reason: str
) -> None:
    async with gateway(engine, load) as served:
        await fails_open(served, reason)


async def test_a_missing_encoder_folder(engine: FakeEngine, tmp_path: Path) -> None:
    nowhere = tmp_path / "no-encoder"
    async with gateway(engine, lambda tokenizer: Compressor.from_pretrained(nowhere, tokenizer, "cpu")) as served:
        ready = await served.client.get("/health/ready")
        assert ready.status_code == 200
        assert str(nowhere) in ready.json()["encoder"]
        await fails_open(served, "encoder_missing")


async def test_a_compression_past_its_deadline(engine: FakeEngine) -> None:
    slow = GatedCompressor()
    async with gateway(engine, lambda _tokenizer: slow, compress_timeout_s=0.2) as served:
        try:
            await fails_open(served, "deadline")
            # The first one holds the only thread; what waited behind it has gone.
            assert slow.calls == 1
        finally:
            slow.gate.set()


async def test_what_waited_too_long_is_never_computed(engine: FakeEngine) -> None:
    slow = GatedCompressor()
    async with gateway(engine, lambda _tokenizer: slow, compress_timeout_s=0.2) as served:
        try:
            answers = await asyncio.gather(*(served.post(CHAT, BODY) for _ in range(4)))
            assert {answer.headers["x-semtoken-reason"] for answer in answers} == {"deadline"}
        finally:
            slow.gate.set()
        # Whatever was left in the queue would run before this one.
        assert (await served.post(CHAT, BODY)).headers["x-semtoken-status"] == "compressed"
        assert slow.calls == 2


async def test_a_full_queue_refuses_at_once(engine: FakeEngine) -> None:
    slow = GatedCompressor()
    async with gateway(engine, lambda _tokenizer: slow, compress_queue=1, compress_timeout_s=60) as served:
        try:
            running = [asyncio.create_task(served.post(CHAT, BODY))]
            await asyncio.to_thread(slow.entered.acquire, timeout=10)
            running.append(asyncio.create_task(served.post(CHAT, BODY)))
            await eventually(lambda: served.metric("semtoken_inflight_requests") == 2)
            third = await served.post(CHAT, BODY)
            assert third.headers["x-semtoken-reason"] == "queue_full"
        finally:
            slow.gate.set()
        answers = await asyncio.gather(*running)
        assert [answer.headers["x-semtoken-status"] for answer in answers] == ["compressed"] * 2


async def test_the_gateway_answers_while_it_compresses(engine: FakeEngine) -> None:
    slow = GatedCompressor()
    async with gateway(engine, lambda _tokenizer: slow, compress_timeout_s=60) as served:
        try:
            compressing = asyncio.create_task(served.post(CHAT, BODY))
            await asyncio.to_thread(slow.entered.acquire, timeout=10)
            assert (await served.client.get("/health/live")).status_code == 200
            short = await served.post(CHAT, {"messages": [{"role": "user", "content": "Hello"}]})
            assert short.headers["x-semtoken-reason"] == "too_short"
            assert not compressing.done()
        finally:
            slow.gate.set()
        assert (await compressing).headers["x-semtoken-status"] == "compressed"


async def test_a_client_that_leaves_the_queue_is_not_computed(engine: FakeEngine) -> None:
    slow = GatedCompressor()
    async with gateway(engine, lambda _tokenizer: slow, compress_timeout_s=60) as served:
        try:
            first = asyncio.create_task(served.post(CHAT, BODY))
            await asyncio.to_thread(slow.entered.acquire, timeout=10)
            second = asyncio.create_task(served.post(CHAT, BODY))
            await eventually(lambda: served.metric("semtoken_inflight_requests") == 2)
            second.cancel()
            await eventually(lambda: served.metric("semtoken_requests_total", route=CHAT, code="499") == 1)
        finally:
            slow.gate.set()
        await first
        assert slow.calls == 1
        assert len(engine.received) == 1


async def test_compress_has_nothing_to_fall_back_to(engine: FakeEngine) -> None:
    async with gateway(engine, missing) as served:
        response = await served.post("/v1/compress", {"text": "Hello"})
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "encoder_missing"


async def test_another_tokenizer_than_the_engine_s(engine: FakeEngine) -> None:
    engine.tokenizer = Shifted(small_tokenizer()._tokenizer)
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
