"""How many tokens a prompt has, as its client sent it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from semtoken_server.compression.backend import CompressorBackend
from semtoken_server.errors import CompressionUnavailableError, PromptTooLargeError

LONGEST_TOKEN = 512
"""Characters. In the vocabularies that vLLM serves the longest are runs of 128 to 256 spaces."""
_CHARACTERS_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Prompt:
    """The texts of a prompt, asked for only where they must be looked at, and how many token ids it has besides."""

    texts: Callable[[], Sequence[str]]
    ids: int = 0


def given(prompt: Any) -> Prompt:
    """What stands as ``prompt`` or ``input`` in a body: a text or token ids, or a list of either."""
    if isinstance(prompt, str):
        return Prompt(lambda: [prompt])
    items = prompt if isinstance(prompt, list) else []
    ids = sum(1 if isinstance(item, int) else len(item) for item in items if isinstance(item, int | list))
    return Prompt(lambda: [item for item in items if isinstance(item, str)], ids)


class PromptCounter:
    """Counts with the compressor's tokenizer, off the event loop."""

    def __init__(self, backend: CompressorBackend, *, limit: int | None, timeout_s: float) -> None:
        self._backend = backend
        self._limit = limit
        self._timeout_s = timeout_s

    def may_exceed(self, body_bytes: int) -> bool:
        """Whether a prompt in a body of that many bytes could be over the limit: a token is at least a byte."""
        return self._limit is not None and body_bytes > self._limit

    async def count(self, prompt: Prompt) -> int:
        """The tokens of the texts, without a template's, and the ids.

        Exact, but where the tokenizer is not to be had now: then a token for every four characters, which is
        good enough for a rate; the limit is the engine's to hold then. Raises ``PromptTooLargeError`` over
        the limit, without tokenising where that is certain.
        """
        texts = prompt.texts()
        characters = sum(map(len, texts))
        if self._limit is not None and prompt.ids + characters // LONGEST_TOKEN > self._limit:
            raise PromptTooLargeError(self._limit)
        if not texts:
            return prompt.ids
        try:
            ran = await self._backend.token_ids(texts, timeout_s=self._timeout_s)
        except CompressionUnavailableError:
            return prompt.ids + -(-characters // _CHARACTERS_A_TOKEN)
        tokens = prompt.ids + sum(map(len, ran.value))
        if self._limit is not None and tokens > self._limit:
            raise PromptTooLargeError(self._limit, tokens)
        return tokens
