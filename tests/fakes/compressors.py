"""Compressors for the gateway's worker thread: sound, held up at a gate, and failing; and loads that fail."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from semtoken import (
    CompressionOptions,
    CompressionResult,
    Compressor,
    Deadline,
    MessagesResult,
    ModelNotFoundError,
    ServedTokenizer,
)
from semtoken.datamodels import FloatArray
from semtoken.realise import Embedder
from semtoken_server.compression.library import CompressorLike

from fakes.encoders import BrokenEncoder, HashEncoder, small_tokenizer

T = TypeVar("T")
Load = Callable[[str], CompressorLike]
"""Makes the gateway's compressor for a tokenizer."""
_DEFAULTS = CompressionOptions()


def sound(_tokenizer: str = "") -> Compressor:
    """The real library over an encoder without weights."""
    return Compressor(HashEncoder(), small_tokenizer())


def with_model(folder: Path) -> Load:
    """Sound, and it finds the served model's embeddings in ``folder``."""
    return lambda _tokenizer: Compressor(HashEncoder(), small_tokenizer(), Embedder(folder))


def with_broken_encoder(_tokenizer: str) -> Compressor:
    """Raises ``EncoderError`` whenever it has to encode."""
    return Compressor(BrokenEncoder(), small_tokenizer())


def missing(_tokenizer: str) -> Compressor:
    """There is no encoder to load."""
    raise ModelNotFoundError("no encoder at '/nowhere'")


def unloadable(_tokenizer: str) -> Compressor:
    """There is an encoder, but it cannot be loaded."""
    raise RuntimeError("broken weights")


def crashing(error: BaseException) -> Load:
    """Loads well and then fails in a way that nobody foresaw: a bug, or a process out of memory."""
    return lambda _tokenizer: _CrashingCompressor(error)


@dataclass
class GatedCompressor:
    """Sound, but every compression waits until the gate is open, and is recorded."""

    inner: Compressor = field(default_factory=sound)
    gate: threading.Event = field(default_factory=threading.Event)
    begun: list[object] = field(default_factory=list)
    """What each compression that has begun was given: a text or messages."""
    _entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def load(self, _tokenizer: str) -> CompressorLike:
        return self

    async def entered(self) -> None:
        """Wait until one more compression stands at the gate; at most ten seconds."""
        if not await asyncio.to_thread(self._entered.acquire, timeout=10):
            raise TimeoutError("no compression has begun")

    def within(self, deadline: Deadline) -> CompressorLike:
        return self

    def for_tenant(self, tenant: str) -> CompressorLike:
        return self

    @property
    def tokenizer(self) -> ServedTokenizer:
        return self.inner.tokenizer

    def embed(self, token_ids: Sequence[int]) -> FloatArray:
        return self.inner.embed(token_ids)

    def compress(
        self, text: str, query: str | None = None, options: CompressionOptions = _DEFAULTS
    ) -> CompressionResult:
        return self._gated(text, lambda: self.inner.compress(text, query, options))

    def compress_prompt(self, prompt: str, options: CompressionOptions = _DEFAULTS) -> CompressionResult:
        return self._gated(prompt, lambda: self.inner.compress_prompt(prompt, options))

    def compress_messages(
        self,
        messages: Sequence[Mapping[str, Any]],
        options: CompressionOptions = _DEFAULTS,
        tools: Sequence[Mapping[str, Any]] | None = None,
    ) -> MessagesResult:
        return self._gated(messages, lambda: self.inner.compress_messages(messages, options, tools))

    def _gated(self, given: object, work: Callable[[], T]) -> T:
        self.begun.append(given)
        self._entered.release()
        if not self.gate.wait(timeout=60):
            raise TimeoutError("nobody opened the gate")
        return work()


class _CrashingCompressor(GatedCompressor):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def _gated(self, given: object, work: Callable[[], T]) -> T:
        raise self.error
