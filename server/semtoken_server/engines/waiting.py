"""A request that waits for the first byte of its answer, and can be told to wait no longer."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Literal, Protocol

import aiohttp

from semtoken_server.engines.base import EngineRequest
from semtoken_server.errors import EngineError

_STREAM = b'"stream"'
_TRUE = re.compile(rb"\s*:\s*true")


class Abandonable(Protocol):
    """An answer that has begun."""

    @property
    def streamed(self) -> bool:
        """Whether it comes in server-sent events."""

    def abandon(self, error: EngineError) -> None:
        """End it with ``error`` for whoever reads it."""

    def check(self) -> None:
        """End it if its connection is gone and its reader was not told."""


class Waiting:
    """Ends the wait of the task that made it, from outside of it, and remembers why."""

    __slots__ = ("_deadline", "_streamed", "ended", "head", "request", "since")

    def __init__(self, request: EngineRequest, deadline: asyncio.Timeout) -> None:
        self.request = request
        self.since = time.monotonic()
        self._deadline = deadline
        self._streamed: bool | None = None
        self.ended: Literal["overdue", "taken_out", "cut"] | None = None
        self.head: aiohttp.ClientResponse | None = None
        """Of a stream whose first byte is still to come."""

    @property
    def streamed(self) -> bool:
        """Whether a stream was asked for. Looks through the whole body, once."""
        if self._streamed is None:
            self._streamed = _asks_for_stream(self.request.body)
        return self._streamed

    def overdue(self, limit_s: float) -> bool:
        """Whether it has waited longer for the first byte of a stream; an answer in one piece has more time."""
        # The body last: hardly any request gets there.
        return time.monotonic() - self.since >= limit_s and self.streamed

    def give_up(self) -> None:
        """It has waited long enough."""
        self._end("overdue")

    def take_out(self) -> None:
        """Nobody seems to be there any more."""
        self._end("taken_out")

    def cut(self) -> None:
        """Its connection is gone."""
        self._end("cut")

    def _end(self, why: Literal["overdue", "taken_out", "cut"]) -> None:
        if self.ended is None:
            self.ended = why
            self._deadline.reschedule(asyncio.get_running_loop().time())


def _asks_for_stream(body: bytes) -> bool:
    # A quotation mark within a text is escaped, so this is a member's name wherever it stands.
    at = -1
    while (at := body.find(_STREAM, at + 1)) >= 0:
        if _TRUE.match(body, at + len(_STREAM)):
            return True
    return False
