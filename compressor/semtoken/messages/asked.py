"""What a run of user messages asks, read without its keep tags."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from semtoken.intent import Intent, run_question
from semtoken.segment import outside_keep_tags

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """The intent of a run; without keep tags in ``query`` and ``request``, which are read for meaning."""

    intents: tuple[Intent, ...]
    """One for each text, with ranges of the text as it came."""
    carrier: int | None
    """Index of the text whose question is the run's, or None when nothing is asked."""
    query: str | None
    request: str
    texts: tuple[str, ...]
    """The texts as they are read."""


def read_run(texts: Sequence[str], *, keep_tags: bool) -> Asked:
    """What the texts ask; with ``keep_tags`` their tags are taken out, else they are text like any other."""
    pieces = [outside_keep_tags(text) if keep_tags else [(0, len(text))] for text in texts]
    plain = ["".join(text[a:b] for a, b in kept) for text, kept in zip(texts, pieces, strict=True)]
    found = run_question(plain)
    intents = tuple(_placed(intent, kept) for intent, kept in zip(found.intents, pieces, strict=True))
    return Asked(intents, found.carrier, found.query(plain), found.request(plain), tuple(plain))


def _placed(intent: Intent, pieces: Sequence[Range]) -> Intent:
    """The intent of the joined ``pieces`` of a text, with ranges of that text."""
    if len(pieces) < 2 and (not pieces or pieces[0][0] == 0):
        return intent
    begins = [0, *accumulate(end - start for start, end in pieces)]

    def place(offset: int) -> int:
        piece = bisect_right(begins, offset) - 1
        return pieces[piece][0] + offset - begins[piece]

    def placed(span: Range) -> Range:
        return place(span[0]), place(span[1] - 1) + 1

    question = placed(intent.question) if intent.question else None
    return Intent(question, tuple(map(placed, intent.instructions)), tuple(map(placed, intent.frame)))
