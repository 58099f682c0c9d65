"""Compressors that misbehave, for the gateway's failing open."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fakes.encoders import BrokenEncoder, HashEncoder, small_tokenizer
from semtoken import CompressionOptions, CompressionResult, Compressor, MessagesResult, ModelNotFoundError
from semtoken_server.compression.library import CompressorLike

DEFAULTS = CompressionOptions()


def missing(_tokenizer: str) -> CompressorLike:
    raise ModelNotFoundError("no encoder at '/nowhere'")


def raising(_tokenizer: str) -> CompressorLike:
    return Compressor(BrokenEncoder(), small_tokenizer())


@dataclass
class Slow:
    """Takes ``seconds`` for each chat and counts those that it began."""

    seconds: float
    begun: int = 0
    threads: set[int] = field(default_factory=set)
    inner: Compressor = field(default_factory=lambda: Compressor(HashEncoder(), small_tokenizer()))

    def load(self, _tokenizer: str) -> CompressorLike:
        return self

    @property
    def tokenizer(self) -> Any:
        return self.inner.tokenizer

    def compress(
        self, text: str, query: str | None = None, options: CompressionOptions = DEFAULTS
    ) -> CompressionResult:
        return self.inner.compress(text, query, options)

    def compress_prompt(self, prompt: str, options: CompressionOptions = DEFAULTS) -> CompressionResult:
        return self.inner.compress_prompt(prompt, options)

    def compress_messages(
        self,
        messages: Sequence[Mapping[str, Any]],
        options: CompressionOptions = DEFAULTS,
        tools: Sequence[Mapping[str, Any]] | None = None,
    ) -> MessagesResult:
        self.begun += 1
        self.threads.add(threading.get_ident())
        time.sleep(self.seconds)
        return self.inner.compress_messages(messages, options, tools)


class Crashing(Slow):
    """Dies of something that nobody foresaw."""

    def compress_messages(
        self,
        messages: Sequence[Mapping[str, Any]],
        options: CompressionOptions = DEFAULTS,
        tools: Sequence[Mapping[str, Any]] | None = None,
    ) -> MessagesResult:
        raise ZeroDivisionError("a bug")
