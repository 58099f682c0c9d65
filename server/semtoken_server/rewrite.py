"""Change members of a JSON object in place: every other byte stays as it came.

Re-serialising a parsed body would alter what it does not understand: integers beyond 64 bits, the
spelling of floats, duplicate keys. Splicing touches only what changes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import orjson

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")


def replace_members(raw: bytes, changes: Mapping[str, bytes | None]) -> bytes:
    """``raw``, a valid JSON object, with top-level members replaced by new JSON or, for ``None``, removed.

    A name that is not there is not added. Where a name stands several times, all are changed.
    """
    text = raw.decode("utf-8")
    opening = text.index("{")
    members: list[str] = []
    at = _SPACE.match(text, opening + 1).end()  # type: ignore[union-attr]
    while text[at] != "}":
        name, colon = _DECODER.raw_decode(text, at)
        value = _skip(text, _skip(text, colon) + 1)
        _, end = _DECODER.raw_decode(text, value)
        if name not in changes:
            members.append(text[at:end])
        elif (new := changes[name]) is not None:
            members.append(text[at:value] + new.decode("utf-8"))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return ("{" + ",".join(members) + text[at:]).encode("utf-8")


def append_member(raw: bytes, name: str, value: object) -> bytes:
    """``raw``, a JSON object, with one member more at its end; anything else comes back as it is."""
    body = raw.rstrip()
    if not (body.startswith(b"{") and body.endswith(b"}")):
        return raw
    inside = body[:-1].rstrip()
    comma = b"" if inside == b"{" else b","
    return inside + comma + orjson.dumps(name) + b":" + orjson.dumps(value) + b"}"


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
