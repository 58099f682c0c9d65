"""Token ids in the place of others that stand for the same text in a rendered prompt.

The engine renders the chat as text. Where it then has the very ids that a text has by itself, the template has
written the text as it is, between what no token joins it with; there the ids of its kept tokens can stand instead.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

Seam = tuple[Sequence[int], Sequence[int]]
"""The ids of a text by itself, and those of its kept tokens: the same text, cut up otherwise where it was joined."""


def spliced(rendered: Sequence[int], seams: Iterable[Seam]) -> list[int]:
    """``rendered`` with the second of each pair in the place of the first, in their order.

    What is not found stays as it is. Costs time linear in the lengths of all.
    """
    prompt: list[int] = []
    within = _bytes(rendered)
    at = 0
    for sought, ids in seams:
        start = _find(within, _bytes(sought), at)
        if start is not None:
            prompt += (*rendered[at:start], *ids)
            at = start + len(sought)
    return prompt + list(rendered[at:])


def _bytes(ids: Sequence[int]) -> bytes:
    return array("I", ids).tobytes()


def _find(within: bytes, sought: bytes, at: int) -> int | None:
    """Where ``sought`` begins, counted in ids, from the id ``at`` on."""
    size = array("I").itemsize
    found = within.find(sought, at * size) if sought else -1
    while found >= 0 and found % size:
        found = within.find(sought, found + 1)
    return None if found < 0 else found // size
