"""Real text of a given number of tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from semtoken.errors import InvalidInputError
from semtoken.evaluation.bundled import BUNDLED, bundled_texts
from semtoken.evaluation.datasets import load_corpus
from semtoken.tokenizer import ServedTokenizer

QUESTION = "What was decided, when, and who disagreed?"
"""Asked of any text: what compressing takes does not depend on the answer."""

_ROUNDS = 8
_CLOSE = 0.002
"""Share of the tokens asked for within which a text that is cut by counting may stay."""


def running_text(sources: Sequence[str]) -> str:
    """The documents of text files, or the bundled texts for ``"bundled"``, one after the other.

    Raises ``InvalidInputError`` for a file that cannot be read.
    """
    documents: list[str] = []
    for source in sources or (BUNDLED,):
        documents += bundled_texts() if source == BUNDLED else load_corpus(source).documents
    return "\n\n".join(documents)


def windows(text: str, tokenizer: ServedTokenizer, tokens: int, count: int, seed: int) -> list[str]:
    """``count`` stretches of ``tokens`` tokens, each from another place of ``text``.

    They begin at a line's start where there is one close by. Raises ``InvalidInputError`` where the
    text is too short for one.
    """
    found = tokenizer.tokenize(text)
    if len(found) < tokens:
        raise InvalidInputError(f"the text has {len(found)} tokens, {tokens} are wanted; give more with --data")
    rng = np.random.default_rng(seed)
    firsts = np.linspace(0, len(found) - tokens, count + 1)[:count] + rng.uniform(0, (len(found) - tokens) / count)
    pieces = []
    for first in np.minimum(firsts, len(found) - tokens).astype(int).tolist():
        start, end = int(found.starts[first]), int(found.ends[first + tokens - 1])
        pieces.append(text[start:end].strip())
    return pieces


def cut(text: str, start: int, tokens: int, count: Callable[[str], int]) -> str:
    """``tokens`` tokens, within 0.2 %, of ``text`` from the character ``start`` on, counted by ``count``.

    For a tokenizer that is only there over the network: ``count`` is called a few times. Raises
    ``InvalidInputError`` where the text ends too early.
    """
    size = tokens * 4
    best, missed = "", tokens
    for _ in range(_ROUNDS):
        piece = text[start : start + size]
        found = count(piece)
        if len(piece) < size and found < tokens * (1 - _CLOSE):
            raise InvalidInputError(
                f"the text has {found} tokens from here, {tokens} are wanted; give more with --data"
            )
        if abs(found - tokens) < missed:
            best, missed = piece, abs(found - tokens)
        if missed <= tokens * _CLOSE:
            break
        size = max(1, round(len(piece) * tokens / max(1, found)))
    return best
