"""What one request holds of the gateway's room, and the reading of its body within a time."""

from __future__ import annotations

import asyncio
import re

from starlette.types import Message, Receive, Scope

from semtoken_server.access.body_clock import BodyClock
from semtoken_server.access.gate import Gate
from semtoken_server.errors import BodyTooComplexError

VALUE_BYTES = 64
"""Memory of a parsed value and its place: a short string is 56 bytes and its pointer 8, a number less."""
LIST_BYTES = 56
OBJECT_BYTES = 232

_STATE = "hold"
# Without backtracking, and a string that never ends counts as one: linear in the length of whatever comes.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)


class Hold:
    """One request's place behind the gate, and its bytes there.

    ``announced`` is the length of its body; None where it comes in chunks and is counted as it does.
    """

    __slots__ = ("_bytes", "_chunked", "_clock", "_gate", "_parsed")

    def __init__(self, gate: Gate, announced: int | None, clock: BodyClock) -> None:
        self._gate = gate
        self._chunked = announced is None
        self._bytes = announced or 0
        self._parsed = 0
        self._clock = clock

    @property
    def max_bytes(self) -> int:
        """The room for all requests together."""
        return self._gate.max_bytes

    def add_parsed(self, size: int) -> None:
        """The body's parsed form takes ``size`` bytes; raises ``MemoryFullError`` where there is no room."""
        self._gate.grow_parsed(size)
        self._parsed += size

    def leave(self) -> None:
        """Give everything back."""
        self._gate.leave(self._bytes, self._parsed)

    def reader(self, receive: Receive) -> Receive:
        """``receive``, raising ``BodyTimeoutError`` when the body is not whole in time, and ``MemoryFullError``."""
        clock = self._clock
        deadline = clock.deadline()
        whole = False

        async def read() -> Message:
            nonlocal whole
            if whole:
                return await receive()
            task = clock.begin(deadline)
            try:
                message = await receive()
            except asyncio.CancelledError:
                clock.require_in_time(task)
                raise
            finally:
                clock.end(task)
            if self._chunked and message["type"] == "http.request":
                self._count(len(message.get("body", b"")))
            whole = not message.get("more_body", False)
            return message

        return read

    def _count(self, size: int) -> None:
        self._gate.grow(size)
        self._bytes += size


def keep(scope: Scope, hold: Hold) -> None:
    """Let those who serve the request find its hold."""
    scope["state"][_STATE] = hold


def require_parsable(scope: Scope, raw: bytes) -> None:
    """Raises ``BodyTooComplexError`` for a body whose parsed form alone would take the room of all."""
    hold: Hold | None = scope.get("state", {}).get(_STATE)
    # What is inside of strings counts too at first, which is quick; only where that is too much it is told apart.
    if hold is None or _most_parsed(raw) <= hold.max_bytes:
        return
    if _most_parsed(_STRING.sub(b"", raw)) > hold.max_bytes:
        raise BodyTooComplexError


def account_parsed(scope: Scope, size: int) -> None:
    """Count the parsed form of the request's body; raises ``MemoryFullError``."""
    hold: Hold | None = scope.get("state", {}).get(_STATE)
    if hold is not None:
        hold.add_parsed(size)


def _most_parsed(raw: bytes) -> int:
    values = raw.count(b",") + raw.count(b"[")
    return values * VALUE_BYTES + raw.count(b"{") * (OBJECT_BYTES + VALUE_BYTES)
