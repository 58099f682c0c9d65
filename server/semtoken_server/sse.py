"""Server-sent events of an engine, relayed as they come.

Whole events are passed on at once and byte for byte; only the tail of an event that has not arrived
whole waits, since no client could read it yet.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from typing import Any, Protocol

import orjson

from semtoken_server.errors import EngineConnectionError
from semtoken_server.metrics import BatchHistogram
from semtoken_server.rewrite import append_member

_END = re.compile(rb"\r?\n\r?\n")
# What tells that a chunk of a stream may hold something else than tokens, or other ends of lines.
_MARKS = (b'"usage"', b"[DONE]", b"\r")
_MAX_EVENT_BYTES = 2**24
"""What never ends must not fill the memory; an event with a whole prompt's log-probabilities has megabytes."""
_NO_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]')


class StreamTimes(Protocol):
    """Is told of the times of a stream."""

    def events(self, count: int) -> None:
        """So many events with tokens are on their way to the client, arrived together."""


class EventRelay:
    """The events of one stream, with a ``semtoken`` object put into the usage chunk."""

    def __init__(self, semtoken: dict[str, Any], times: StreamTimes) -> None:
        self._semtoken = semtoken
        self._times = times
        self._tail = b""
        self._complete = False

    async def relay(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Whole events as they arrive; raises ``EngineError`` when the stream ends without ``[DONE]``."""
        async for chunk in chunks:
            if events := self._feed(chunk):
                yield events
            if len(self._tail) > _MAX_EVENT_BYTES:
                raise EngineConnectionError(f"the engine sent an event of more than {_MAX_EVENT_BYTES} bytes")
        if not self._complete:
            raise EngineConnectionError("the engine's stream broke off")

    def _feed(self, chunk: bytes) -> bytes:
        """The whole events that ``chunk`` completes."""
        buffered = self._tail + chunk
        # Most of what comes is tokens: told apart without a look at each, and passed on as it is.
        if not any(mark in buffered for mark in _MARKS):
            end = buffered.rfind(b"\n\n") + 2
            if end == 1:
                self._tail = buffered
                return b""
            events, self._tail = buffered[:end], buffered[end:]
            self._tell(events.startswith(b"data:") + events.count(b"\n\ndata:"))
            return events
        return self._one_by_one(buffered)

    def _one_by_one(self, buffered: bytes) -> bytes:
        whole: list[bytes] = []
        tokens = 0
        start = 0
        # An end mark may itself be cut in two, so the search begins a little before the new bytes.
        search = max(0, len(self._tail) - 3)
        while end := _END.search(buffered, search):
            event = buffered[start : end.start()]
            if event.startswith(b"data:"):
                data = event[5:].strip()
                if data == b"[DONE]":
                    self._complete = True
                elif _is_usage(data):
                    event = b"data: " + append_member(data, "semtoken", self._semtoken)
                else:
                    tokens += 1
            whole += (event, end.group())
            start = search = end.end()
        self._tail = buffered[start:]
        self._tell(tokens)
        return b"".join(whole)

    def _tell(self, tokens: int) -> None:
        if tokens:
            self._times.events(tokens)


class Observer(Protocol):
    """Takes an observation in seconds."""

    def observe(self, amount: float) -> None:
        """One more."""


class TokenClock:
    """Observes the time to the first event and between events.

    Events that arrive together are as many tokens at one moment: the gaps between them are zero.
    """

    def __init__(self, began: float, first: Observer, between: BatchHistogram) -> None:
        self._last = began
        self._next: Observer = first
        self._between = between

    def events(self, count: int) -> None:
        """So many events with tokens are on their way to the client, arrived together."""
        now = time.perf_counter()
        self._next.observe(now - self._last)
        if count > 1:
            self._between.observe_many(0.0, count - 1)
        self._next = self._between
        self._last = now


def _is_usage(data: bytes) -> bool:
    """Whether an event is the usage chunk: no choices, and usage."""
    if b'"usage"' not in data or not _NO_CHOICES.search(data):
        return False
    try:
        chunk = orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return isinstance(chunk, dict) and chunk.get("choices") == [] and isinstance(chunk.get("usage"), dict)
