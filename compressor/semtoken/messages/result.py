"""The result of compressing a chat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from semtoken.datamodels import CompressionResult, FloatArray, Reason, Status


@dataclass(frozen=True, slots=True)
class PartResult:
    """What became of one text of a chat."""

    message: int
    part: int | None
    """Index of the content part, or None where the content is a plain string."""
    role: str
    query: str | None
    result: CompressionResult
    recalled: tuple[str, ...] = ()
    """Verbatim spans of earlier messages that were put before this text's question."""
    retokenised: tuple[int, ...] | None = field(default=None, repr=False)
    """Token ids of the new text by itself, where ids were asked for and these are others than ``result.token_ids``;
    None too where it goes as text, as it does with spans recalled into it."""

    @property
    def embedded(self) -> FloatArray | None:
        """(v, d) input embeddings to forward for this text; None where it goes as text, as it does with
        spans recalled into it."""
        return None if self.recalled else self.result.embeds


@dataclass(frozen=True, slots=True)
class MessagesResult:
    """A chat with its compressed messages; roles, order and every other field are untouched."""

    messages: tuple[dict[str, Any], ...] = field(repr=False)
    original_tokens: int
    """Tokens of the whole chat as the model's template renders it (of all texts where there is
    no template)."""
    forwarded_tokens: int
    status: Status
    reason: Reason
    parts: tuple[PartResult, ...] = field(repr=False)
    """The texts that the compressor touched or decided to leave alone, in order."""
    timings_ms: Mapping[str, float] = field(repr=False)
    prefix_breaks: tuple[str, ...] = ()
    """Causes that may have changed the form of an earlier message (``target_tokens``)."""

    @property
    def ratio(self) -> float:
        """Original over forwarded tokens of the whole chat."""
        return self.original_tokens / self.forwarded_tokens if self.forwarded_tokens else 1.0
