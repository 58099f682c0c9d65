"""Where compressions run: the Protocol behind which a thread stands, or later a process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

from semtoken import CompressionOptions, CompressionResult, MessagesResult
from semtoken.datamodels import FloatArray

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class BackendState:
    """Whether compressions can run, and if not, why."""

    phase: Literal["waiting", "loading", "ready", "failed", "closed"]
    reason: str = ""
    """One of a fixed set of words."""
    detail: str = ""
    """For people."""


@dataclass(frozen=True, slots=True)
class Ran(Generic[T_co]):
    """A result with the seconds that it waited for its turn and then took."""

    value: T_co
    queued_s: float
    ran_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CompressedPrompt:
    """A compressed prompt as text and as the ids to forward."""

    result: CompressionResult
    ids: tuple[int, ...] = field(repr=False)
    """With the model's special tokens, once."""
    embeds: FloatArray | None = field(default=None, repr=False)
    """A vector for each of ``ids``, where embeddings were asked for."""

    @property
    def original_tokens(self) -> int:
        """Tokens of the prompt as the engine would have counted it."""
        return self.result.original_tokens + len(self.ids) - self.result.compressed_tokens


class CompressorBackend(Protocol):
    """Runs compressions off the event loop, at most so many at a time, each within ``timeout_s``.

    Compressions raise ``CompressionUnavailableError`` when there is none to be had in time, and
    ``InvalidInputError`` or ``InvalidOptionError`` when the request is at fault. Texts of one ``tenant``
    share no cached vectors with another's.
    """

    async def start(self, tokenizer: str) -> None:
        """Load the models; returns when they are loaded or have failed, which ``state`` tells."""

    async def close(self) -> None:
        """Take no more work and drop what waits."""

    @property
    def state(self) -> BackendState:
        """Whether compressions can run."""

    @property
    def queue_depth(self) -> int:
        """Compressions running or waiting."""

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

    async def compress_prompts(
        self,
        prompts: Sequence[str],
        options: CompressionOptions,
        *,
        special_tokens: bool,
        timeout_s: float,
        tenant: str = "",
    ) -> Ran[tuple[CompressedPrompt, ...]]:
        """The prompts of one request; ``special_tokens`` adds the model's own to the ids."""

    async def compress_text(
        self, text: str, query: str | None, options: CompressionOptions, *, timeout_s: float, tenant: str = ""
    ) -> Ran[CompressionResult]:
        """One text with its query."""

    async def token_ids(self, texts: Sequence[str], *, timeout_s: float) -> Ran[list[list[int]]]:
        """Token ids of texts, without special tokens."""

    async def embeddings(self, text: str, *, timeout_s: float) -> Ran[tuple[list[int], FloatArray]]:
        """Token ids of a text, with the model's special tokens, and the embeddings that stand for them."""
