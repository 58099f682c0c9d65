"""Token ids in the place of markers in a rendered prompt.

A template writes a text where it wants. So the engine renders the chat with a marker in the place of each text
that goes as token ids, and the ids go where the marker's own tokens are found.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from semtoken_server.rewrite import Edits

# Digits: no tokenizer joins them with the letters, spaces and marks that templates write around a text. Not to
# be guessed, so no text can pretend to be one.
_SECRET = f"7{secrets.randbelow(10**17):017d}"


@dataclass(frozen=True, slots=True)
class MarkedChat:
    """A chat with markers in the place of texts."""

    edits: Edits = field(repr=False)
    """What changes in the client's body for it."""
    ids: Mapping[str, Sequence[int]] = field(repr=False)
    """By marker, what is to stand there."""


def marker(number: int) -> str:
    """The text that stands for the text of this number; the same as long as this process lives."""
    return f"{_SECRET}{number:06d}"


def spliced(rendered: Sequence[int], places: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[int] | None:
    """``rendered`` with the second of each pair in the place of the first; None unless each is found just once."""
    found: list[tuple[int, Sequence[int], Sequence[int]]] = []
    for sought, ids in places:
        starts = _occurrences(rendered, list(sought))
        if len(starts) != 1:
            return None
        found.append((starts[0], sought, ids))
    prompt: list[int] = []
    at = 0
    for start, sought, ids in sorted(found, key=lambda place: place[0]):
        prompt += (*rendered[at:start], *ids)
        at = start + len(sought)
    return prompt + list(rendered[at:])


def _occurrences(ids: Sequence[int], sought: list[int]) -> list[int]:
    starts: list[int] = []
    at = 0
    while sought:
        try:
            at = ids.index(sought[0], at)
        except ValueError:
            break
        if list(ids[at : at + len(sought)]) == sought:
            starts.append(at)
        at += 1
    return starts
