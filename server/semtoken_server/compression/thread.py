"""Compression in threads of this process."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

from semtoken import (
    CompressionOptions,
    CompressionResult,
    Deadline,
    DeadlineExceededError,
    InvalidInputError,
    InvalidOptionError,
    MessagesResult,
    ModelNotFoundError,
)
from semtoken.datamodels import FloatArray

from semtoken_server.compression.backend import BackendState, CompressedPrompt, Ran
from semtoken_server.compression.library import CompressorLike
from semtoken_server.compression.prompt import compress_prompt
from semtoken_server.errors import CompressionUnavailableError

logger = logging.getLogger(__name__)

T = TypeVar("T")

_STALLED_S = 1.0
"""How long a compression may go on after its caller has given up: it stops between stages and tiles."""


class ThreadCompressor:
    """Loads a compressor with ``load(tokenizer)`` and uses it in ``threads`` threads.

    What runs at the same time is encoded together. Besides the compressions that run, ``max_queue`` may
    wait. One whose caller has given up before its turn is never computed; one that runs already stops
    at the next stage or tile of the encoder.
    """

    def __init__(self, load: Callable[[str], CompressorLike], *, max_queue: int, threads: int = 1) -> None:
        self._load = load
        self._most = max_queue + threads
        self._max_queue = max_queue
        self._executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="semtoken-compressor")
        self._compressor: CompressorLike | None = None
        self._state = BackendState("waiting", "encoder_loading", "waiting for the engine to name its tokenizer")
        self._jobs: set[Future[Any]] = set()
        self._threads = threads
        self._given_up: dict[Future[Any], float] = {}
        """Compressions that went on without their callers, and since when."""

    async def start(self, tokenizer: str) -> None:
        """Load the models; returns when they are loaded or have failed, which ``state`` tells."""
        self._state = BackendState("loading", "encoder_loading", "the encoder is loading")
        loading = asyncio.wrap_future(self._executor.submit(self._load, tokenizer))
        await asyncio.wait((loading,))
        if loading.cancelled():
            return
        error = loading.exception()
        if error is None:
            self._compressor = loading.result()
            self._state = BackendState("ready")
            return
        reason = "encoder_missing" if isinstance(error, ModelNotFoundError) else "encoder_error"
        logger.error("the compressor could not be loaded; prompts go through uncompressed", exc_info=error)
        self._state = BackendState("failed", reason, f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        """Take no more work and drop what waits; a compression that runs stops where it can."""
        self._state = BackendState("closed", "shutting_down", "the gateway is shutting down")
        self._executor.shutdown(wait=False, cancel_futures=True)

    @property
    def state(self) -> BackendState:
        """Whether compressions can run."""
        return self._state

    @property
    def queue_depth(self) -> int:
        """Compressions running or waiting."""
        self._jobs = {job for job in self._jobs if not job.done()}
        return len(self._jobs)

    async def compress_messages(
        self,
        messages: Sequence[Mapping[str, Any]],
        options: CompressionOptions,
        tools: Sequence[Mapping[str, Any]] | None,
        *,
        timeout_s: float,
        tenant: str = "",
    ) -> Ran[MessagesResult]:
        """A chat."""
        return await self._run(
            lambda compressor: compressor.compress_messages(messages, options, tools), timeout_s, tenant
        )

    async def compress_prompts(
        self,
        prompts: Sequence[str],
        options: CompressionOptions,
        *,
        special_tokens: bool,
        timeout_s: float,
        tenant: str = "",
    ) -> Ran[tuple[CompressedPrompt, ...]]:
        """The prompts of one request."""

        def work(compressor: CompressorLike) -> tuple[CompressedPrompt, ...]:
            return tuple(
                compress_prompt(compressor, prompt, options, special_tokens=special_tokens) for prompt in prompts
            )

        return await self._run(work, timeout_s, tenant)

    async def compress_text(
        self, text: str, query: str | None, options: CompressionOptions, *, timeout_s: float, tenant: str = ""
    ) -> Ran[CompressionResult]:
        """One text with its query."""
        return await self._run(lambda compressor: compressor.compress(text, query, options), timeout_s, tenant)

    async def token_ids(self, texts: Sequence[str], *, timeout_s: float) -> Ran[list[list[int]]]:
        """Token ids of texts, without special tokens."""
        return await self._run(lambda compressor: [compressor.tokenizer.ids(text) for text in texts], timeout_s)

    async def embeddings(self, text: str, *, timeout_s: float) -> Ran[tuple[list[int], FloatArray]]:
        """Token ids of a text, with the model's special tokens, and the embeddings that stand for them."""

        def work(compressor: CompressorLike) -> tuple[list[int], FloatArray]:
            ids = compressor.tokenizer.ids(text, special_tokens=True)
            return ids, compressor.embed(ids)

        return await self._run(work, timeout_s)

    async def _run(self, work: Callable[[CompressorLike], T], timeout_s: float, tenant: str = "") -> Ran[T]:
        compressor = self._compressor
        if compressor is None or self._state.phase != "ready":
            raise CompressionUnavailableError(self._state.reason, self._state.detail)
        if self._stalled():
            raise CompressionUnavailableError("encoder_stalled", "every thread hangs in a compression given up before")
        if self.queue_depth >= self._most:
            raise CompressionUnavailableError("queue_full", f"{self._max_queue} compressions are waiting")
        submitted = time.monotonic()
        deadline = Deadline.after(timeout_s)

        def job() -> Ran[T]:
            began = time.monotonic()
            mine = compressor.for_tenant(tenant) if tenant else compressor
            value = work(mine.within(deadline))
            return Ran(value, began - submitted, time.monotonic() - began)

        # What is logged there is about the same request.
        future = self._executor.submit(copy_context().run, job)
        self._jobs.add(future)
        waiting = asyncio.wrap_future(future)
        try:
            await asyncio.wait((waiting,), timeout=timeout_s)
            if not waiting.done():
                raise CompressionUnavailableError("deadline", f"it took longer than {timeout_s:g} s")
            return _outcome(waiting)
        finally:
            # Whatever ended the wait, the client's leaving too: a job that runs stops where it can,
            # one that still waits is never computed.
            deadline.cancel()
            waiting.cancel()
            if future.running():
                self._given_up[future] = time.monotonic()

    def _stalled(self) -> bool:
        """Whether no thread can take a compression: to wait out the deadline again would be no use."""
        self._given_up = {job: since for job, since in self._given_up.items() if not job.done()}
        late = time.monotonic() - _STALLED_S
        return sum(since < late for since in self._given_up.values()) >= self._threads


def _outcome(done: asyncio.Future[Ran[T]]) -> Ran[T]:
    """The result, or the error in the gateway's own terms, whatever the worker died of."""
    if done.cancelled():
        raise CompressionUnavailableError("shutting_down", "the gateway is shutting down")
    error = done.exception()
    if error is None:
        return done.result()
    if isinstance(error, InvalidInputError | InvalidOptionError):
        raise error
    if isinstance(error, DeadlineExceededError):
        raise CompressionUnavailableError("deadline", str(error)) from error
    logger.error("a compression failed", exc_info=error)
    raise CompressionUnavailableError("encoder_error", f"the compressor failed ({type(error).__name__})") from error
