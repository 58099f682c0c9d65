"""JSON as a tree of units, so that any choice of its leaves can be made valid JSON again."""

from __future__ import annotations

from dataclasses import dataclass, field

from semtoken.datamodels import UnitKind
from semtoken.segment.json_reader import key_end, read_json, skip_space

_MAX_DEPTH = 8


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
    _ends: dict[int, int] = field(default_factory=dict, repr=False)

    def add_document(self, start: int, value: int) -> None:
        """Add the JSON value at ``value``, which was read before, with the white space from ``start`` on."""
        self._ends = read_json(self.text, value, self.limit).ends
        self.add(start, value)

    def add(self, start: int, value: int, holder: int = -1, depth: int = 0) -> int:
        """Add the value at ``value`` whose unit starts at ``start`` (its key's place); return its end."""
        # What is longer than a unit is known; only what is not is read again.
        end = self._ends.get(value) or read_json(self.text, value).end
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
                child = key_end(text, position)
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
