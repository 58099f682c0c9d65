"""An encoder that fails for a while: every request goes through as it came, and compression comes back."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from fakes.compressors import Load
from fakes.encoders import HashEncoder, small_tokenizer
from fakes.engine import FakeEngine
from fakes.serving import Served, eventually, gateway
from fakes.texts import chat, rag
from semtoken import Compressor, EncoderError
from semtoken.datamodels import Encoding, FloatArray, IntArray
from semtoken.deadline import Deadline
from semtoken.encoders import EncoderInput
from semtoken.encoders.tiles import TileRunner

CHAT = "/v1/chat/completions"
NUMBER = 6


class FaultyEncoder(HashEncoder):
    """Runs its windows through the encoder's own threads, where ``fault`` happens while there is one."""

    def __init__(self) -> None:
        self.fault: Callable[[], None] | None = None
        self.runner = TileRunner(self._forward, tile=4, workers=1)

    def load(self, _tokenizer: str) -> Compressor:
        return Compressor(self, small_tokenizer())

    def encode(
        self, inputs: Sequence[EncoderInput], *, lexical_only: bool = False, deadline: Deadline | None = None
    ) -> list[Encoding]:
        self.runner.run([np.zeros(1, np.int64)] * len(inputs), deadline)
        return super().encode(inputs, lexical_only=lexical_only, deadline=deadline)

    def _forward(self, windows: Sequence[IntArray]) -> list[FloatArray]:
        if self.fault is not None:
            self.fault()
        return [np.zeros((1, 1), np.float32) for _ in windows]


def raising(error: Exception) -> Callable[[], None]:
    def fault() -> None:
        raise error

    return fault


def held_at(gate: threading.Event) -> Callable[[], None]:
    def fault() -> None:
        gate.wait(60)

    return fault


async def asked(served: Served, number: int = NUMBER) -> list[str]:
    """Statuses and reasons of so many chats at once, all of them answered as they came."""
    bodies = [chat(f"Chat {n}. {rag()}") for n in range(number)]
    began = time.monotonic()
    answers = await asyncio.gather(*(served.post(CHAT, body) for body in bodies))
    assert time.monotonic() - began < 60
    assert {answer.status_code for answer in answers} == {200}
    return [f"{a.headers['x-semtoken-status']} {a.headers['x-semtoken-reason']}" for a in answers]


@pytest.mark.parametrize(
    "error",
    [
        EncoderError("the encoder gave values that are not finite"),
        RuntimeError("a kernel failed"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_encoder_that_raises(engine: FakeEngine, error: Exception) -> None:
    encoder = FaultyEncoder()
    async with gateway(engine, encoder.load, compress_timeout_s=60) as served:
        encoder.fault = raising(error)
        assert set(await asked(served)) == {"failed-open encoder_error"}
        refused = await served.post(CHAT, {**chat(rag()), "semtoken": {"on_failure": "closed"}})
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "encoder_error"
        encoder.fault = None
        assert set(await asked(served)) == {"compressed ok"}
        assert served.metric("semtoken_compression_requests_total", status="failed-open") == NUMBER


async def test_an_encoder_that_hangs_costs_a_deadline_once(engine: FakeEngine) -> None:
    encoder, gate = FaultyEncoder(), threading.Event()
    async with gateway(engine, encoder.load, compress_timeout_s=5.0) as served:
        encoder.fault = held_at(gate)
        assert set(await asked(served)) == {"failed-open deadline"}
        gate.set()
        encoder.fault = None
        # Whoever waited for the encoder has left it; the next find it free.
        await eventually(lambda: served.backend.queue_depth == 0)
        assert set(await asked(served, 1)) == {"compressed ok"}


class HangingCompressor(FaultyEncoder):
    """Hangs where no deadline is looked at."""

    def encode(
        self, inputs: Sequence[EncoderInput], *, lexical_only: bool = False, deadline: Deadline | None = None
    ) -> list[Encoding]:
        if self.fault is not None:
            self.fault()
        return HashEncoder.encode(self, inputs, lexical_only=lexical_only, deadline=deadline)


async def test_a_thread_that_hangs_is_not_waited_for_again(engine: FakeEngine) -> None:
    encoder, gate = HangingCompressor(), threading.Event()
    load: Load = encoder.load
    async with gateway(engine, load, compress_timeout_s=5.0) as served:
        encoder.fault = held_at(gate)
        try:
            assert (await asked(served, 1)) == ["failed-open deadline"]
            await asyncio.sleep(1.2)
            began = time.monotonic()
            assert set(await asked(served)) == {"failed-open encoder_stalled"}
            assert time.monotonic() - began < NUMBER * 5.0 / 2
        finally:
            gate.set()
            encoder.fault = None
        await eventually(lambda: served.backend.queue_depth == 0)
        assert await asked(served, 1) == ["compressed ok"]
