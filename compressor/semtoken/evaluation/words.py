"""Words as the lexical measures see them, in scripts with and without spaces."""

from __future__ import annotations

import re
from collections.abc import Iterator

_UNSPACED = (
    "\u0e00-\u0eff"  # Thai and Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese and Khmer
    "\u3040-\u30ff\u31f0-\u31ff"  # Japanese kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"  # Han
)
_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])\w)+")
_UNSPACED_CHARACTER = re.compile(rf"[{_UNSPACED}]")


def words(text: str) -> list[str]:
    """Lower-case words; every character is one in scripts that do not put spaces between words."""
    return _WORD.findall(text.casefold())


def word_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the words of :func:`words` stand."""
    return (match.span() for match in _WORD.finditer(text))


def space_out(text: str) -> str:
    """Put blanks around every character of a script without spaces, so that splitting gives characters."""
    return _UNSPACED_CHARACTER.sub(r" \g<0> ", text)
