"""Which target tokens need something that stands far back: names, definitions, identifiers.

A *word* is what :func:`semtoken.evaluation.words.word_spans` finds; two are the same where their
characters are (case counts), whatever tokens they are made of. It is *rare* in a file where it

- has a digit, an underscore, or a capital behind a small letter (an identifier), or
- has a capital first, and its small form stands nowhere in the file (a name), or
- is none of the most frequent words, folded to small letters, that together make up three quarters
  of the file's running words.

A target token belongs to a rare word that lies whole in the target, and its *distance* is the number
of tokens from the start of the word's last earlier mention to the end of the context, if that mention
stands in the context; a word that was mentioned in the target before has none. The token is *far* at a
ratio where the distance is larger than the budget of that ratio: tail truncation, which keeps that many
of the context's last tokens, has cut the mention off.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from semtoken.datamodels import FloatArray
from semtoken.evaluation.words import word_spans
from semtoken.tokenizer import TokenizedText

COMMON_SHARE = 0.75
"""Share of a file's running words that its common words make up."""

_IDENTIFIER = re.compile(r"[\d_]|[a-zß-öø-ÿ][A-Z]")


class _Word(NamedTuple):
    name: str
    first: int
    """Its first token."""
    stop: int
    """The token behind its last."""


class RareWords:
    """The words of a file that are rare in it."""

    def __init__(self, documents: Iterable[str]) -> None:
        forms = Counter(document[start:end] for document in documents for start, end in word_spans(document))
        self._forms = frozenset(forms)
        self._common = _common(forms)

    def __contains__(self, word: object) -> bool:
        """Whether a word of the file is rare."""
        if not isinstance(word, str):
            return False
        if _IDENTIFIER.search(word) or (word[0].isupper() and word.lower() not in self._forms):
            return True
        return word.casefold() not in self._common


def _common(forms: Mapping[str, int]) -> frozenset[str]:
    folded: Counter[str] = Counter()
    for form, count in forms.items():
        folded[form.casefold()] += count
    ranked = sorted(folded.items(), key=lambda item: (-item[1], item[0]))
    reached = np.cumsum([count for _, count in ranked])
    number = int(np.searchsorted(reached, COMMON_SHARE * folded.total(), side="left")) + 1
    return frozenset(word for word, _ in ranked[:number])


@dataclass(frozen=True, slots=True)
class Mentions:
    """A document's words in order, each with its tokens."""

    words: tuple[_Word, ...]

    @classmethod
    def of(cls, text: str, tokens: TokenizedText) -> Mentions:
        """Find the words of a document."""
        spans = list(word_spans(text))
        first = np.searchsorted(tokens.ends, [start for start, _ in spans], side="right").tolist()
        stop = np.searchsorted(tokens.starts, [end for _, end in spans], side="left").tolist()
        named = zip(spans, first, stop, strict=True)
        return cls(tuple(_Word(text[start:end], f, s) for (start, end), f, s in named))

    def distances(self, start: int, middle: int, end: int, rare: RareWords) -> tuple[int, ...]:
        """(end - middle,) distance of each target token, 0 for one that has none.

        The context is the tokens ``start:middle``, the target ``middle:end``.
        """
        distances = [0] * (end - middle)
        last: dict[str, int] = {}
        for word in self._between(start, end):
            mention = last.get(word.name, middle)
            if word.first >= middle and mention < middle and word.name in rare:
                distances[word.first - middle : word.stop - middle] = [middle - mention] * (word.stop - word.first)
            last[word.name] = word.first
        return tuple(distances)

    def _between(self, start: int, end: int) -> Iterator[_Word]:
        """The words that lie whole within the tokens ``start:end``."""
        return (word for word in self.words if start <= word.first and word.stop <= end)


def far_nats(nats: FloatArray, distances: Sequence[int], budget: int) -> tuple[float, ...]:
    """Of the nats of the target's tokens those that are far at a budget."""
    return tuple(float(value) for value, distance in zip(nats, distances, strict=True) if distance > budget)
