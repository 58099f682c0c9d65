"""Reads JSON without recursion: what is found does not hang on how deep the caller's stack is."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field

MAX_NESTING = 200
"""Nothing real is nested deeper, and parsers that recurse fail on what is."""
_S = r"[ \t\n\r]*+"
_STRING = r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
_SCALAR = rf"(?:{_STRING}|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][-+]?[0-9]++)?+|true|false|null|NaN|-?Infinity)"
_KEY = rf"{_STRING}{_S}:{_S}"
# A container without another inside: most of them, and read at the speed of the regular expression.
_FLAT = re.compile(
    rf"\[{_S}(?:{_SCALAR}{_S}(?:,{_S}{_SCALAR}{_S})*+)?+\]"
    rf"|\{{{_S}(?:{_KEY}{_SCALAR}{_S}(?:,{_S}{_KEY}{_SCALAR}{_S})*+)?+\}}"
)
_VALUE = re.compile(_SCALAR)
_OPENING = {"[": re.compile(rf"\[{_S}"), "{": re.compile(rf"\{{{_S}{_KEY}")}
_NEXT = {"[": re.compile(rf",{_S}"), "{": re.compile(rf",{_S}{_KEY}")}
_CLOSING = {"[": "]", "{": "}"}
_SPACE = re.compile(_S)
_KEY_COLON = re.compile(_KEY)


@dataclass(frozen=True, slots=True)
class JsonValue:
    """What was read of a value."""

    end: int
    """Where it ends; of a broken one where it breaks, at the earliest behind its first character."""
    valid: bool
    """Whether it is JSON nested at most ``MAX_NESTING`` deep."""
    ends: dict[int, int] = field(repr=False)
    """Start and end of its containers that are longer than asked."""


def skip_space(text: str, position: int) -> int:
    """The first offset from ``position`` on that is not JSON white space."""
    found = _SPACE.match(text, position)
    return found.end() if found is not None else position


def key_end(text: str, start: int) -> int:
    """Where the value of the key at ``start`` begins."""
    found = _KEY_COLON.match(text, start)
    return found.end() if found is not None else start


def read_json(text: str, start: int, longer_than: int = sys.maxsize) -> JsonValue:
    """Read the JSON value (RFC 8259, and Python's NaN and Infinity) at ``start``, in time linear in its length.

    ``longer_than`` is the length in characters above which containers are told in ``ends``.
    """
    ends: dict[int, int] = {}
    opened: list[int] = []
    deepest = 0
    position = start
    while True:
        found = _FLAT.match(text, position) or _VALUE.match(text, position)
        if found is None:
            opening = _OPENING.get(text[position : position + 1])
            found = None if opening is None else opening.match(text, position)
            if found is None:
                return JsonValue(max(position, start + 1), False, {})
            opened.append(position)
            position = found.end()
            continue
        deepest = max(deepest, len(opened) + 1)
        begin, position = position, found.end()
        while True:
            if position - begin > longer_than:
                ends[begin] = position
            if not opened:
                return JsonValue(position, deepest <= MAX_NESTING, ends)
            position = skip_space(text, position)
            if text[position : position + 1] != _CLOSING[text[opened[-1]]]:
                break
            begin, position = opened.pop(), position + 1
        following = _NEXT[text[opened[-1]]].match(text, position)
        if following is None:
            return JsonValue(max(position, start + 1), False, {})
        position = following.end()
