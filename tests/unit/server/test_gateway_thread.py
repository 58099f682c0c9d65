"""The compressor's threads: bounded, within a deadline, whatever happens in them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fakes.encoders import HashEncoder, small_tokenizer
from semtoken import (
    CompressionOptions,
    CompressionResult,
    Compressor,
    Deadline,
    DeadlineExceededError,
    InvalidInputError,
    ModelNotFoundError,
)
from semtoken_server.compression.thread import ThreadCompressor
from semtoken_server.errors import CompressionUnavailableError

OPTIONS = CompressionOptions()


class Scripted(Compressor):
    """Waits at a gate before each text, and then does what ``then`` does."""

    def __init__(self, then: Callable[[], None] = lambda: None, *, open_gate: bool = True) -> None:
        super().__init__(HashEncoder(), small_tokenizer())
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.texts: list[str] = []
        self.threads: set[str] = set()
        self.deadlines: list[Deadline] = []
        self._then = then
        if open_gate:
            self.gate.set()

    def within(self, deadline: Deadline) -> Scripted:
        self.deadlines.append(deadline)
        return self

    def compress(self, text: str, query: str | None = None, options: CompressionOptions = OPTIONS) -> CompressionResult:
        self.texts.append(text)
        self.threads.add(threading.current_thread().name)
        self.entered.set()
        if not self.gate.wait(timeout=30):
            raise TimeoutError("nobody opened the gate")
        self._then()
        return super().compress(text, query, options)


@asynccontextmanager
async def started(compressor: Scripted, max_queue: int = 8, threads: int = 1) -> AsyncIterator[ThreadCompressor]:
    backend = ThreadCompressor(lambda _tokenizer: compressor, max_queue=max_queue, threads=threads)
    await backend.start("small")
    try:
        yield backend
    finally:
        compressor.gate.set()
        await backend.close()


def compress(backend: ThreadCompressor, text: str, timeout_s: float = 30) -> asyncio.Task[Any]:
    return asyncio.create_task(backend.compress_text(text, None, OPTIONS, timeout_s=timeout_s))


async def entered(compressor: Scripted) -> None:
    await asyncio.to_thread(compressor.entered.wait, 10)


def raising(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


async def test_loading_and_compressing_happen_in_one_thread_of_their_own() -> None:
    compressor = Scripted()
    async with started(compressor) as backend:
        assert backend.state.phase == "ready"
        await asyncio.gather(*(compress(backend, f"Text {n}.") for n in range(5)))
    assert len(compressor.threads) == 1
    assert compressor.threads != {threading.current_thread().name}


async def test_what_waits_past_its_deadline_is_never_computed() -> None:
    compressor = Scripted(open_gate=False)
    async with started(compressor) as backend:
        running = compress(backend, "first")
        await entered(compressor)
        with pytest.raises(CompressionUnavailableError) as raised:
            await compress(backend, "second", timeout_s=0.05)
        assert raised.value.reason == "deadline"
        compressor.gate.set()
        await running
        await compress(backend, "third")
    assert compressor.texts == ["first", "third"]


async def test_what_runs_past_its_deadline_is_not_waited_for() -> None:
    compressor = Scripted(raising(ValueError("too late")), open_gate=False)
    async with started(compressor) as backend:
        with pytest.raises(CompressionUnavailableError, match=r"0\.05 s"):
            await compress(backend, "text", timeout_s=0.05)
        assert backend.queue_depth == 1


async def test_what_runs_past_its_deadline_is_told_to_stop() -> None:
    compressor = Scripted(open_gate=False)
    async with started(compressor) as backend:
        with pytest.raises(CompressionUnavailableError):
            await compress(backend, "text", timeout_s=0.05)
        assert compressor.deadlines[0].over


async def test_what_runs_when_its_client_leaves_is_told_to_stop() -> None:
    compressor = Scripted(open_gate=False)
    async with started(compressor) as backend:
        left = compress(backend, "text")
        await entered(compressor)
        assert not compressor.deadlines[0].over
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)
        assert compressor.deadlines[0].over


async def test_a_compression_that_stops_at_its_deadline_says_so() -> None:
    compressor = Scripted(raising(DeadlineExceededError("too late")))
    async with started(compressor) as backend:
        with pytest.raises(CompressionUnavailableError) as raised:
            await compress(backend, "text")
    assert raised.value.reason == "deadline"


async def test_several_threads_compress_at_once_and_the_queue_begins_behind_them() -> None:
    compressor = Scripted(open_gate=False)
    async with started(compressor, max_queue=1, threads=3) as backend:
        taken = [compress(backend, str(n)) for n in range(4)]
        for _ in range(1000):
            if len(compressor.texts) == 3:
                break
            await asyncio.sleep(0.01)
        assert len(compressor.threads) == 3
        with pytest.raises(CompressionUnavailableError) as raised:
            await compress(backend, "one too many")
        assert raised.value.reason == "queue_full"
        compressor.gate.set()
        await asyncio.gather(*taken)


async def test_what_a_client_left_behind_is_never_computed() -> None:
    compressor = Scripted(open_gate=False)
    async with started(compressor) as backend:
        running = compress(backend, "first")
        await entered(compressor)
        left = compress(backend, "second")
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)
        compressor.gate.set()
        await running
        await compress(backend, "third")
    assert compressor.texts == ["first", "third"]


async def test_a_full_queue_takes_no_more() -> None:
    compressor = Scripted(open_gate=False)
    async with started(compressor, max_queue=2) as backend:
        taken = [compress(backend, str(n)) for n in range(3)]
        await entered(compressor)
        assert backend.queue_depth == 3
        with pytest.raises(CompressionUnavailableError) as raised:
            await compress(backend, "one too many")
        assert raised.value.reason == "queue_full"
        compressor.gate.set()
        await asyncio.gather(*taken)
        assert backend.queue_depth == 0


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), MemoryError(), RuntimeError("CUDA out of memory")])
async def test_whatever_the_worker_dies_of_is_unavailable_and_the_next_one_works(error: Exception) -> None:
    errors = [error]
    compressor = Scripted(lambda: raising(errors.pop())() if errors else None)
    async with started(compressor) as backend:
        with pytest.raises(CompressionUnavailableError) as raised:
            await compress(backend, "text")
        assert raised.value.reason == "encoder_error"
        assert (await compress(backend, "Some text.")).value.original == "Some text."


async def test_a_fault_of_the_request_stays_one() -> None:
    compressor = Scripted(raising(InvalidInputError("bad text", param="text")))
    async with started(compressor) as backend:
        with pytest.raises(InvalidInputError, match="bad text"):
            await compress(backend, "text")


@pytest.mark.parametrize(
    ("error", "reason"), [(ModelNotFoundError("none at 'x'"), "encoder_missing"), (OSError("disk"), "encoder_error")]
)
async def test_a_compressor_that_cannot_be_loaded_says_why(error: Exception, reason: str) -> None:
    def load(_tokenizer: str) -> Compressor:
        raise error

    backend = ThreadCompressor(load, max_queue=1)
    await backend.start("small")
    assert backend.state.phase == "failed"
    assert str(error) in backend.state.detail
    with pytest.raises(CompressionUnavailableError) as raised:
        await compress(backend, "text")
    assert raised.value.reason == reason
    await backend.close()


async def test_while_it_loads_nothing_waits() -> None:
    gate = threading.Event()

    def load(_tokenizer: str) -> Compressor:
        gate.wait(timeout=30)
        return Scripted()

    backend = ThreadCompressor(load, max_queue=1)
    starting = asyncio.create_task(backend.start("small"))
    await asyncio.sleep(0)
    with pytest.raises(CompressionUnavailableError) as raised:
        await compress(backend, "text")
    assert raised.value.reason == "encoder_loading"
    gate.set()
    await starting
    assert backend.state.phase == "ready"
    await backend.close()


async def test_closing_drops_what_waits() -> None:
    compressor = Scripted(open_gate=False)
    async with started(compressor) as backend:
        running = compress(backend, "first")
        await entered(compressor)
        waiting = compress(backend, "second")
        await asyncio.sleep(0)
        await backend.close()
        with pytest.raises(CompressionUnavailableError) as raised:
            await waiting
        assert raised.value.reason == "shutting_down"
        compressor.gate.set()
        await running
    assert compressor.texts == ["first"]
