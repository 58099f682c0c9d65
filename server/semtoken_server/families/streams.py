"""How the families' streams look: their events, where the usage is, and how they end."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import orjson

from semtoken_server.errors import EventForm
from semtoken_server.rewrite import append_member, append_within
from semtoken_server.sse import EventKind, StreamForm

_NO_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]')
_LINE = re.compile(rb"\r?\n")


@dataclass(frozen=True, slots=True)
class Chunks:
    """Events without names that end with ``[DONE]``; the usage is in one without choices."""

    errors: EventForm = "chunk"
    marks: tuple[bytes, ...] = (b'"usage"', b"[DONE]", b"\r")

    def tokens(self, events: bytes) -> int:
        """Every event but comments."""
        return events.startswith(b"data:") + events.count(b"\n\ndata:")

    def kind(self, event: bytes) -> EventKind:
        """Parsed is only what looks like the usage chunk."""
        if not event.startswith(b"data:"):
            return EventKind.OTHER
        data = event[5:].strip()
        if data == b"[DONE]":
            return EventKind.END
        return EventKind.USAGE if _is_usage(data) else EventKind.TOKEN

    def told(self, event: bytes, semtoken: dict[str, Any]) -> bytes:
        """The object is a member of the chunk."""
        return b"data: " + append_member(event[5:].strip(), "semtoken", semtoken)


@dataclass(frozen=True, slots=True)
class NamedEvents:
    """Events with names, of which some carry the usage and some are the last."""

    errors: EventForm
    usage: frozenset[bytes]
    ends: frozenset[bytes]
    token: bytes
    """Stands once in every event that brings tokens."""
    within: str | None = None
    """The member of the event's data that takes the ``semtoken`` object up; None: the data itself."""
    marks: tuple[bytes, ...] = field(init=False)

    def __post_init__(self) -> None:
        # The names, and other ends of lines.
        object.__setattr__(self, "marks", (*sorted(self.usage | self.ends), b"\r"))

    def tokens(self, events: bytes) -> int:
        """Events that bring tokens."""
        return events.count(self.token)

    def kind(self, event: bytes) -> EventKind:
        """Told by the name alone."""
        name = _field(event, b"event:")
        if name in self.ends:
            return EventKind.LAST_USAGE if name in self.usage else EventKind.END
        if name in self.usage:
            return EventKind.USAGE
        return EventKind.TOKEN if self.token in event.replace(b"\r\n", b"\n") else EventKind.OTHER

    def told(self, event: bytes, semtoken: dict[str, Any]) -> bytes:
        """An event whose data is a JSON object; any other stays as it is."""
        name, data = _field(event, b"event:"), _field(event, b"data:")
        try:
            whole = isinstance(orjson.loads(data), dict)
        except orjson.JSONDecodeError:
            whole = False
        if not whole:
            return event
        if self.within is None:
            data = append_member(data, "semtoken", semtoken)
        else:
            data = append_within(data, self.within, "semtoken", semtoken)
        return b"event: " + name + b"\ndata: " + data


CHUNKS: StreamForm = Chunks()
RESPONSE_EVENTS: StreamForm = NamedEvents(
    errors="response",
    usage=frozenset({b"response.completed", b"response.incomplete", b"response.failed"}),
    ends=frozenset({b"response.completed", b"response.incomplete", b"response.failed", b"error"}),
    token=b".delta\ndata:",
    within="response",
)
MESSAGE_EVENTS: StreamForm = NamedEvents(
    errors="message",
    usage=frozenset({b"message_delta"}),
    ends=frozenset({b"message_stop", b"error"}),
    token=b"event: content_block_delta\n",
)


def _field(event: bytes, name: bytes) -> bytes:
    lines = (line for line in _LINE.split(event) if line.startswith(name))
    return next(lines, b"").removeprefix(name).strip()


def _is_usage(data: bytes) -> bool:
    """Whether an event is the usage chunk: no choices, and usage."""
    if b'"usage"' not in data or not _NO_CHOICES.search(data):
        return False
    try:
        chunk = orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return isinstance(chunk, dict) and chunk.get("choices") == [] and isinstance(chunk.get("usage"), dict)
