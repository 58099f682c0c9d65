"""Where a string may be cut without breaking what a reader sees as one character."""

from __future__ import annotations

import unicodedata

_ZWJ = "\u200d"
_VIRAMA = 9
"""Canonical combining class of the signs that join two Indic consonants (UAX #44)."""


def _regional(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _extends(char: str) -> bool:
    """Whether ``char`` belongs to the character before it (roughly Grapheme_Extend of UAX #29)."""
    return (
        unicodedata.category(char) in ("Mn", "Mc", "Me")
        or char in "\u200c\u200d\u0e33\u0eb3\uff9e\uff9f"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
        or "\u1160" <= char <= "\u11ff"
        or "\udc00" <= char <= "\udfff"
    )


def joins(text: str, position: int, start: int = 0) -> bool:
    """Whether cutting at ``position`` would break a grapheme; ``start`` is a known boundary before it.

    After UAX #29, with Indic conjuncts kept whole and with high and low surrogates kept together.
    """
    if not start < position < len(text):
        return False
    before, after = text[position - 1], text[position]
    if before in "\r\n":
        return before + after == "\r\n"
    if after.isascii():
        return False
    if _regional(after) and _regional(before):
        first = position - 1
        while first > start and _regional(text[first - 1]):
            first -= 1
        return (position - first) % 2 == 1
    return _extends(after) or before == _ZWJ or unicodedata.combining(before) == _VIRAMA


def safe_cut(text: str, start: int, position: int, end: int) -> int:
    """The last safe cut in ``(start, position]``, else the first one after it, else ``end``."""
    for cut in range(position, start, -1):
        if not joins(text, cut, start):
            return cut
    for cut in range(position + 1, end):
        if not joins(text, cut, start):
            return cut
    return end
