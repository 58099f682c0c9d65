"""Cuts a unit that is too long: at clause punctuation, else white space, else between graphemes."""

from __future__ import annotations

import re

from semtoken.segment.atoms import AtomIndex
from semtoken.segment.graphemes import joins, safe_cut

_CLAUSE = re.compile(r"(?:[,;:.!?…،؛؟۔।)\]|—–-](?=\s)|[，；：、。！？])[^\S\n]*\n?|\n|\t")
_SPACE = re.compile(r"\s+")
_LINE = re.compile(r"\n")


def long_cuts(text: str, start: int, end: int, limit: int, atoms: AtomIndex, *, lines_first: bool = False) -> list[int]:
    """Offsets in ``(start, end)`` that cut ``text[start:end]`` into pieces of at most ``limit`` characters.

    No cut breaks a grapheme, however long it is, or an atom that fits into a piece.
    With ``lines_first`` a line break is preferred to punctuation (code).
    """
    cuts: list[int] = []
    patterns = (_LINE, _CLAUSE, _SPACE) if lines_first else (_CLAUSE, _SPACE)
    while end - start > limit:
        cut = _next_cut(text, start, end, limit=limit, atoms=atoms, patterns=patterns)
        if cut >= end:
            break
        cuts.append(cut)
        start = cut
    return cuts


def _next_cut(
    text: str, start: int, end: int, *, limit: int, atoms: AtomIndex, patterns: tuple[re.Pattern[str], ...]
) -> int:
    latest = start + limit
    # The first half is left out, so that pieces are not crumbs and their number stays linear.
    earliest = start + limit // 2
    for pattern in patterns:
        ends = [match.end() for match in pattern.finditer(text, earliest, min(latest + 1, end))]
        for cut in reversed(ends):
            if start < cut <= latest and atoms.around(cut) is None and not joins(text, cut, start):
                return cut
    atom = atoms.around(latest)
    if atom is not None and atom[0] > start:
        return safe_cut(text, start, atom[0], end)
    return safe_cut(text, start, latest, end)
