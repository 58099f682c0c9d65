"""What a realisation takes and gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from semtoken.datamodels import IntArray
from semtoken.tokenizer import ServedTokenizer, TokenizedText


@dataclass(frozen=True, slots=True)
class Realised:
    """The forwarded form of a text."""

    text: str = field(repr=False)
    token_ids: tuple[int, ...] = field(repr=False)


class Realiser(Protocol):
    """Turns the ranges that stay into what the engine gets."""

    def realise(self, text: str, ranges: IntArray, tokenized: TokenizedText, tokenizer: ServedTokenizer) -> Realised:
        """Realise ``text`` cut down to ``ranges`` (r, 2), rising and disjoint character ranges.

        ``tokenized`` is the whole text in the served model's tokens.
        """
        ...
