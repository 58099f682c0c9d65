"""Answers brought to what of them must be equal: all but names and times that differ from call to call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import httpx
from e2e.differential.asked import Asked

# Made anew for every answer, or the time of it. Their presence and type are compared all the same.
_FLEETING = frozenset({"id", "item_id", "call_id", "request_id", "created", "created_at", "completed_at", "signature"})


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, type and what was said; of a stream every event, its name and its data."""

    status: int
    content_type: str
    said: Any


def answer(client: httpx.Client, asked: Asked, headers: Mapping[str, str] | None = None) -> Answer:
    """What a server answers."""
    given = {"content-type": "application/json", **(headers or {})}
    response = client.post(asked.path, content=asked.body, headers=given)
    content_type = response.headers.get("content-type", "")
    said: Any = _events(response.text) if "event-stream" in content_type else _steady(response.json())
    return Answer(response.status_code, content_type, said)


def without_semtoken(given: Answer) -> tuple[Answer, int]:
    """An answer of the gateway without its own objects, and how many there were."""
    said, count = _stripped(given.said)
    return Answer(given.status, given.content_type, said), count


def _events(text: str) -> list[tuple[list[str], Any]]:
    """Every event, those of several choices by choice: how they interleave is another way in every answer."""
    events: list[tuple[list[str], Any]] = []
    for event in text.split("\n\n"):
        lines = event.split("\n")
        fields = [line for line in lines if not line.startswith("data: ")]
        data = "\n".join(line.removeprefix("data: ") for line in lines if line.startswith("data: "))
        events.append((fields, json.loads(data) if data.startswith("{") else data))
    ordered = (event for _, group in groupby(events, _has_choice) for event in sorted(group, key=_choice))
    return [(fields, _steady(data)) for fields, data in ordered]


def _has_choice(event: tuple[list[str], Any]) -> bool:
    _, data = event
    return isinstance(data, dict) and len(data.get("choices") or ()) == 1


def _choice(event: tuple[list[str], Any]) -> int:
    return int(event[1]["choices"][0]["index"]) if _has_choice(event) else 0


def _steady(value: Any, name: str = "") -> Any:
    if name in _FLEETING and isinstance(value, str | int | float):
        return f"<{type(value).__name__}>"
    if isinstance(value, dict):
        # Sorted no more than they came: the order of members is compared as well.
        return [[key, _steady(inner, key)] for key, inner in value.items()]
    if isinstance(value, list):
        return [_steady(inner) for inner in value]
    return value


def _stripped(value: Any) -> tuple[Any, int]:
    if not isinstance(value, list | tuple):
        return value, 0
    kept = [inner for inner in value if not (isinstance(inner, list) and inner[:1] == ["semtoken"])]
    pairs = [_stripped(inner) for inner in kept]
    count = len(value) - len(kept) + sum(found for _, found in pairs)
    return type(value)(inner for inner, _ in pairs), count
