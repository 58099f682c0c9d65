"""Server-sent events of an engine, relayed as they come.

Whole events are passed on at once and byte for byte; only the tail of an event that has not arrived
whole waits, since no client could read it yet.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable
from enum import Enum, auto
from typing import Any, Protocol

from semtoken_server.errors import EngineConnectionError, EventForm
from semtoken_server.metrics import BatchHistogram

_END = re.compile(rb"\r?\n\r?\n")
_MAX_EVENT_BYTES = 2**24
"""What never ends must not fill the memory; an event with a whole prompt's log-probabilities has megabytes."""


class StreamTimes(Protocol):
    """Is told of the times of a stream."""

    def events(self, count: int) -> None:
        """So many events with tokens are on their way to the client, arrived together."""


class EventKind(Enum):
    """What a whole event is to the relay."""

    TOKEN = auto()
    OTHER = auto()
    USAGE = auto()
    """Carries the usage, and takes the ``semtoken`` object up."""
    END = auto()
    """After it a stream may end."""
    LAST_USAGE = auto()
    """Both."""


class StreamForm(Protocol):
    """How the streams of a family look."""

    @property
    def errors(self) -> EventForm:
        """The form of an error that comes after the first byte."""

    @property
    def marks(self) -> tuple[bytes, ...]:
        """One of them is in every chunk that holds something else than tokens, or other ends of lines."""

    def tokens(self, events: bytes) -> int:
        """How many of these whole events, without a mark, bring tokens."""

    def kind(self, event: bytes) -> EventKind:
        """What a whole event is."""

    def told(self, event: bytes, semtoken: dict[str, Any]) -> bytes:
        """An event that carries usage, with the ``semtoken`` object in it."""


class EventRelay:
    """The events of one stream, with a ``semtoken`` object put where the usage is.

    ``on_usage`` is given each event that carries usage, as the engine sent it.
    """

    def __init__(
        self,
        form: StreamForm,
        semtoken: dict[str, Any],
        times: StreamTimes,
        on_usage: Callable[[bytes], None] | None = None,
    ) -> None:
        self._form = form
        self._semtoken = semtoken
        self._times = times
        self._on_usage = on_usage
        self._tail = b""
        self._complete = False
        self.events = 0
        """Events that were passed on."""

    async def relay(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Whole events as they arrive; raises ``EngineError`` when the stream ends without its last event."""
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
        if not any(mark in buffered for mark in self._form.marks):
            end = buffered.rfind(b"\n\n") + 2
            if end == 1:
                self._tail = buffered
                return b""
            events, self._tail = buffered[:end], buffered[end:]
            self.events += events.count(b"\n\n")
            self._tell(self._form.tokens(events))
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
            kind = self._form.kind(event)
            tokens += kind is EventKind.TOKEN
            self._complete |= kind in (EventKind.END, EventKind.LAST_USAGE)
            if kind in (EventKind.USAGE, EventKind.LAST_USAGE):
                if self._on_usage is not None:
                    self._on_usage(event)
                event = self._form.told(event, self._semtoken)
            whole += (event, end.group())
            start = search = end.end()
            self.events += 1
        self._tail = buffered[start:]
        self._tell(tokens)
        return b"".join(whole)

    def _tell(self, tokens: int) -> None:
        if tokens:
            self._times.events(tokens)


async def whole_events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The events of a stream one by one, without the blank lines after them; what is begun at its end is left out.

    Raises ``EngineConnectionError`` for an event that does not end.
    """
    tail = b""
    async for chunk in chunks:
        *events, tail = _END.split(tail + chunk)
        for event in filter(None, events):
            yield event
        if len(tail) > _MAX_EVENT_BYTES:
            raise EngineConnectionError(f"the engine sent an event of more than {_MAX_EVENT_BYTES} bytes")


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
