"""Compressors for the gateway's worker thread: sound, held up at a gate, and crashing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fakes.encoders import BrokenEncoder, HashEncoder, small_tokenizer
from semtoken import (
    CompressionOptions,
    CompressionResult,
    Compressor,
    MessagesResult,
    ServedTokenizer,
)

T = TypeVar("T")
_DEFAULTS = CompressionOptions()


def sound() -> Compressor:
    """The real library over an encoder without weights."""
    return Compressor(HashEncoder(), small_tokenizer())


def with_broken_encoder() -> Compressor:
    """Raises ``EncoderError`` whenever it has to encode."""
    return Compressor(BrokenEncoder(), small_tokenizer())


@dataclass
class GatedCompressor:
    """Sound, but every compression waits until the gate is open, and is counted."""

    inner: Compressor = field(default_factory=sound)
    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released once for every compression that has begun."""
    calls: int = 0

    @property
    def tokenizer(self) -> ServedTokenizer:
        return self.inner.tokenizer

    def compress(
        self, text: str, query: str | None = None, options: CompressionOptions = _DEFAULTS
    ) -> CompressionResult:
        return self._gated(lambda: self.inner.compress(text, query, options))

    def compress_prompt(self, prompt: str, options: CompressionOptions = _DEFAULTS) -> CompressionResult:
        return self._gated(lambda: self.inner.compress_prompt(prompt, options))

    def compress_messages(
        self,
        messages: Sequence[Mapping[str, Any]],
        options: CompressionOptions = _DEFAULTS,
        tools: Sequence[Mapping[str, Any]] | None = None,
    ) -> MessagesResult:
        return self._gated(lambda: self.inner.compress_messages(messages, options, tools))

    def _gated(self, work: Callable[[], T]) -> T:
        self.calls += 1
        self.entered.release()
        if not self.gate.wait(timeout=60):
            raise TimeoutError("nobody opened the gate")
        return work()


class CrashingCompressor(GatedCompressor):
    """Fails in a way that nobody foresaw, such as a bug or a process out of memory."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def _gated(self, work: Callable[[], T]) -> T:
        raise self.error
