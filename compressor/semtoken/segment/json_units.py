"""JSON as a tree of units, so that any choice of its leaves can be made valid JSON again."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Literal

from semtoken.datamodels import UnitKind

_MAX_DEPTH = 8
# Numbers stay text: their values are not needed, and huge ones are slow or refused by int().
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)
_WINDOW = 4096
_LONGEST_LITERAL = 16
"""An escape or a name cut off by the window's end is reported at most so many characters before it."""
_SPACE = re.compile(r"[ \t\n\r]*+")


def json_end(text: str, start: int) -> tuple[int, bool]:
    """Where the JSON value at ``start`` ends and True; where it is broken, or the text's end, and False.

    A value nested too deeply for the parser counts as broken.
    """
    # A JSONDecodeError counts the line breaks before its position: most failures must not see the whole text.
    window = text[start : start + _WINDOW]
    if len(window) == _WINDOW:
        end, state = _try(window, 0)
        if state == "broken":
            return start + end, False
    end, state = _try(text, start)
    return end, state == "whole"


def _try(text: str, start: int) -> tuple[int, Literal["whole", "broken", "open"]]:
    """``open`` is a value that may only be cut off by the end of ``text``."""
    try:
        return _DECODER.raw_decode(text, start)[1], "whole"
    except json.JSONDecodeError as error:
        near_end = error.pos + _LONGEST_LITERAL >= len(text) or error.msg.startswith("Unterminated")
        return max(error.pos, start + 1), "open" if near_end else "broken"
    except RecursionError:
        return len(text), "open"


def skip_space(text: str, position: int) -> int:
    """The first offset from ``position`` on that is not JSON white space."""
    found = _SPACE.match(text, position)
    return found.end() if found is not None else position


@dataclass(slots=True)
class JsonUnits:
    """Units of one JSON value: parallel lists; containers are counted from 0."""

    text: str = field(repr=False)
    limit: int
    """A container of at most so many characters is one unit."""
    starts: list[int] = field(default_factory=list)
    kinds: list[UnitKind] = field(default_factory=list)
    containers: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)

    def add(self, start: int, value: int, holder: int = -1, depth: int = 0) -> int:
        """Add the value at ``value`` whose unit starts at ``start`` (its key's place); return its end."""
        end = _DECODER.raw_decode(self.text, value)[1]
        opening = self.text[value]
        leaf = end - start <= self.limit or depth >= _MAX_DEPTH or opening not in "{["
        if leaf or self.text[skip_space(self.text, value + 1)] in "}]":
            self._emit(start, UnitKind.JSON_ITEM, holder)
            return end
        container = len(self.parents)
        self.parents.append(holder)
        self._emit(start, UnitKind.STRUCTURE, container)
        return self._children(value, container, depth)

    def _children(self, value: int, container: int, depth: int) -> int:
        text = self.text
        position = skip_space(text, value + 1)
        while True:
            child = position
            if text[value] == "{":
                colon = skip_space(text, _DECODER.raw_decode(text, position)[1])
                child = skip_space(text, colon + 1)
            end = self.add(position, child, container, depth + 1)
            after = skip_space(text, end)
            closed = text[after] != ","
            self._emit(end, UnitKind.STRUCTURE if closed else UnitKind.SEPARATOR, container)
            if closed:
                return after + 1
            position = skip_space(text, after + 1)

    def _emit(self, start: int, kind: UnitKind, container: int) -> None:
        self.starts.append(start)
        self.kinds.append(kind)
        self.containers.append(container)
