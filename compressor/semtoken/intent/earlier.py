"""Whether a request works on a text that was sent before, by the words of ``earlier.toml``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from semtoken.intent import cues
from semtoken.intent.cues import Cue
from semtoken.intent.lexicon import load, unspaced
from semtoken.intent.tasks import whole_text_task

MAX_MESSAGE = 2_000
"""Characters over which a message holds more than a request."""
OWN = 60
"""Characters beside the request, none of them instructions, over which a message has a text of its own (CJK counts
threefold); after it, on lines of their own, one is enough."""
_SENTENCE = re.compile(r"[^.!?。！？\n]+(?:[.!?](?=\S)[^.!?。！？\n]*)*[.!?。！？]*[\"'”’»」』)]*")
_COLON = re.compile(r":(?=\s)|：")
_QUOTE = r"[\"“„«‚‘「『`]|(?<!\w)'"
_QUOTED = re.compile(_QUOTE)
_THEN_QUOTED = re.compile(rf"\W{{0,3}}(?:\w{{1,4}}\W{{1,2}})?(?:{_QUOTE})")


def points_back(texts: Sequence[str]) -> bool:
    """Whether a request for a whole text ("translate the above") means one of an earlier message.

    It has to name it, as by "above", "the document" or "it", and to hold no text that could be meant: quoted, after
    a colon, or beside the request.
    """
    message = "\n".join(texts).strip()
    if len(message) > MAX_MESSAGE:
        return False
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    pieces = [[m.group().strip() for m in _SENTENCE.finditer(line) if m.group().strip()] for line in lines]
    asking = [[whole_text_task(piece) for piece in row] for row in pieces]
    asked = [n for n, row in enumerate(asking) if any(row)]
    if not asked:
        # Only together do its words make it such a request.
        return _names(message)
    sentences = [(p, yes) for row, asks in zip(pieces, asking, strict=True) for p, yes in zip(row, asks, strict=True)]
    requests = [piece for piece, yes in sentences if yes]
    if sum(_size(piece) for piece, yes in sentences if not yes and _may_be_meant(piece)) > OWN:
        return False
    if any(_matches("above", _head(piece)) for piece in requests):
        return True
    after = (piece for row in pieces[asked[-1] + 1 :] for piece in row)
    return not any(map(_may_be_meant, after)) and any(map(_names, requests))


def _names(request: str) -> bool:
    """Whether a request names a text that it does not give there and then."""
    head = _head(request)
    if _matches("above", head):
        return True
    if not request.endswith(head):
        return False
    named = (m for pattern in _patterns("texts") for m in pattern.finditer(head))
    if any(_THEN_QUOTED.match(head, m.end()) is None for m in named):
        return True
    return _QUOTED.search(head) is None and _matches("it", head)


def _head(request: str) -> str:
    """What stands before the text that follows a colon; behind it where a label stands before it ("Task: ...")."""
    colon = _COLON.search(request)
    if colon is None or not request[colon.end() :].strip():
        return request
    before, behind = request[: colon.start()], request[colon.end() :].strip()
    return behind if whole_text_task(behind) and not whole_text_task(before) else before


def _may_be_meant(piece: str) -> bool:
    """Whether a piece beside the request, neither an instruction nor a courtesy, may be the text that it works on."""
    return cues.judge(piece) not in (Cue.IMPERATIVE, Cue.HOW_TO_ANSWER)


def _size(piece: str) -> int:
    return len(piece) + 2 * sum(map(unspaced, piece))


def _matches(kind: str, text: str) -> bool:
    return any(pattern.search(text) for pattern in _patterns(kind))


@cache
def _patterns(kind: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile("|".join(table[kind]), re.IGNORECASE) for table in load("earlier.toml").values())
