"""The word lists beside this module, read once, as compiled patterns."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any

_SPACED = re.compile(r"[^\W\d_]", re.UNICODE)
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@cache
def load(name: str) -> dict[str, Any]:
    """The parsed lexicon ``name`` (a TOML file of this package)."""
    data = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return tomllib.loads(data)


def unspaced(text: str) -> bool:
    """Whether ``text`` holds a script written without spaces between words."""
    return _UNSPACED.search(text) is not None


def alternation(words: Iterable[str]) -> str:
    """A regex alternation of literals, longest first, whole words where the script has words.

    Python's ``\\b`` breaks inside words whose vowels are combining marks (Devanagari), so the end
    of a word is spelled out as "no letter and no mark follows".
    """
    parts = []
    for word in sorted(set(words), key=lambda w: (-len(w), w)):
        literal = re.escape(word).replace(r"\ ", r"\s+")
        closed = _SPACED.match(word[-1]) or word[-1] in "ािीुूेैोौंँ्"
        parts.append(literal if unspaced(word) or not closed else literal + r"(?![\w\u0900-\u0963'’])")
    return "(?:" + "|".join(parts) + ")"


@cache
def pattern(name: str, table: str, key: str, shape: str = "{}") -> re.Pattern[str]:
    """The words of ``table.key`` in lexicon ``name``, put into ``shape`` at ``{}``, compiled."""
    return re.compile(shape.replace("{}", alternation(load(name)[table][key])), re.IGNORECASE)


@cache
def opening(name: str, table: str, key: str) -> re.Pattern[str]:
    """The words of ``table.key`` at the start of a sentence, after at most two lead words."""
    lead = alternation(load(name)["lead"]["words"])
    words = alternation(load(name)[table][key])
    return re.compile(rf"^[\W\d_]*(?:{lead}[,.!]?\s+){{0,2}}{words}", re.IGNORECASE)
