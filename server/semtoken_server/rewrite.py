"""Change values inside a JSON object in place: every other byte stays as it came.

Re-serialising a parsed body would alter what it does not understand: integers beyond 64 bits, the
spelling of floats, duplicate keys. Splicing touches only what changes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

Path = tuple[str | int, ...]
"""Names and indices that lead from a body to a value in it."""
Edits = Mapping[Path, bytes | None]
"""New JSON for the values at paths; None removes a member of an object."""

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_Tree = dict[str | int, Any]
# Where a text changes: start, end, and what stands there instead.
_Splice = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class _Member:
    """A member of an object, or an element of an array."""

    name: str | int
    start: int
    value: int
    end: int


def rewritten(raw: bytes, edits: Edits) -> bytes:
    """``raw``, a valid JSON object, with the values at ``edits``' paths replaced by new JSON or removed.

    A path that leads nowhere changes nothing. Where a name stands several times, all are changed. No path
    may be the beginning of another. Costs time linear in the body's length.
    """
    if not edits:
        return raw
    text = raw.decode("utf-8")
    pieces: list[str] = []
    at = 0
    for start, end, new in _splices(text, _skip(text, 0), _tree(edits)):
        pieces += (text[at:start], new)
        at = end
    return "".join((*pieces, text[at:])).encode("utf-8")


def append_member(raw: bytes, name: str, value: object) -> bytes:
    """``raw``, a JSON object, with one member more at its end; anything else comes back as it is."""
    body = raw.rstrip()
    if not (body.startswith(b"{") and body.endswith(b"}")):
        return raw
    inside = body[:-1].rstrip()
    comma = b"" if inside == b"{" else b","
    return inside + comma + orjson.dumps(name) + b":" + orjson.dumps(value) + b"}"


def append_within(raw: bytes, member: str, name: str, value: object) -> bytes:
    """``raw``, a valid JSON object, with one member more at the end of the object that ``member`` holds."""
    text = raw.decode("utf-8")
    for found in _members(text, _skip(text, 0)):
        if found.name == member:
            inner = append_member(text[found.value : found.end].encode("utf-8"), name, value)
            return text[: found.value].encode("utf-8") + inner + text[found.end :].encode("utf-8")
    return raw


def _tree(edits: Edits) -> _Tree:
    root: _Tree = {}
    for path, new in edits.items():
        node = root
        for name in path[:-1]:
            node = node.setdefault(name, {})
        node[path[-1]] = new
    return root


def _splices(text: str, at: int, edits: _Tree) -> Iterator[_Splice]:
    """The changes inside the value that begins at ``at``, in their order."""
    if text[at] not in "{[":
        return
    members = list(_members(text, at))
    removed = [member.name in edits and edits[member.name] is None for member in members]
    kept = max((number for number, gone in enumerate(removed) if not gone), default=-1)
    for number, member in enumerate(members[: kept + 1]):
        if removed[number]:
            yield member.start, members[number + 1].start, ""
        elif member.name in edits:
            yield from _changed(text, member, edits[member.name])
    if kept + 1 < len(members):
        # What is removed at the end takes the comma before it along.
        yield members[kept].end if kept >= 0 else members[0].start, members[-1].end, ""


def _changed(text: str, member: _Member, edit: Any) -> Iterator[_Splice]:
    if isinstance(edit, bytes):
        yield member.value, member.end, edit.decode("utf-8")
    else:
        yield from _splices(text, member.value, edit)


def _members(text: str, opening: int) -> Iterator[_Member]:
    """The members of the object, or the elements of the array, that begins at ``opening``."""
    named = text[opening] == "{"
    at = _skip(text, opening + 1)
    index = 0
    while text[at] not in "}]":
        name: str | int = index
        value = at
        if named:
            name, colon = _DECODER.raw_decode(text, at)
            value = _skip(text, _skip(text, colon) + 1)
        _, end = _DECODER.raw_decode(text, value)
        yield _Member(name, at, value, end)
        index += 1
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
