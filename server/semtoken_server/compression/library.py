"""The part of the library's public API that the gateway calls, so that tests can plug in fakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from semtoken import CompressionOptions, CompressionResult, Deadline, MessagesResult
from semtoken.datamodels import FloatArray


class TokenizerLike(Protocol):
    """``semtoken.ServedTokenizer``."""

    def ids(self, text: str, *, special_tokens: bool = False) -> list[int]:
        """Token ids of a text."""


class CompressorLike(Protocol):
    """``semtoken.Compressor``: blocking and heavy; several threads may use it."""

    def within(self, deadline: Deadline) -> CompressorLike:
        """The same, giving up once ``deadline`` is over."""

    def for_tenant(self, tenant: str) -> CompressorLike:
        """The same, sharing no cached vectors with another tenant."""

    @property
    def tokenizer(self) -> TokenizerLike:
        """The served model's tokenizer."""

    def embed(self, token_ids: Sequence[int]) -> FloatArray:
        """Input embeddings of token ids."""

    def compress(self, text: str, query: str | None = None, options: CompressionOptions = ...) -> CompressionResult:
        """One text."""

    def compress_prompt(self, prompt: str, options: CompressionOptions = ...) -> CompressionResult:
        """One prompt, whose question is found inside it."""

    def compress_messages(
        self,
        messages: Sequence[Mapping[str, Any]],
        options: CompressionOptions = ...,
        tools: Sequence[Mapping[str, Any]] | None = None,
    ) -> MessagesResult:
        """One chat."""
