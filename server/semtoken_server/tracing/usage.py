"""What an answer says of its model and of tokens, in all families."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

_WITHIN = ("response", "message")
"""Members of an event's data that hold the answer so far."""


@dataclass(frozen=True, slots=True)
class Usage:
    """None where it is not told."""

    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


def usage_of(document: bytes) -> Usage:
    """Of an answer in one piece, or of an event of a stream."""
    try:
        data = orjson.loads(_data(document))
    except orjson.JSONDecodeError:
        return Usage()
    model, usage = None, None
    for holder in _holders(data):
        model = model or holder.get("model")
        usage = usage or holder.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    return Usage(
        model if isinstance(model, str) else None,
        _count(counts, "prompt_tokens", "input_tokens"),
        _count(counts, "completion_tokens", "output_tokens"),
    )


def _data(document: bytes) -> bytes:
    if document.startswith(b"{"):
        return document
    lines = (line for line in document.splitlines() if line.startswith(b"data:"))
    return next(lines, b"").removeprefix(b"data:")


def _holders(data: Any) -> Iterator[dict[str, Any]]:
    if isinstance(data, dict):
        yield data
        yield from (data[name] for name in _WITHIN if isinstance(data.get(name), dict))


def _count(counts: dict[str, Any], *names: str) -> int | None:
    return next((value for name in names if isinstance(value := counts.get(name), int)), None)
