"""uvicorn's server with an end in three steps: not ready, no new connections, no requests."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

import uvicorn

from semtoken_server.lifecycle.state import Lifecycle

logger = logging.getLogger(__name__)

Handlers = Mapping[signal.Signals, Callable[[], None] | signal.Handlers]

_ACCEPTED_AT_ONCE = 16
_LAST_REQUESTS_S = 0.5
_LAST_WORDS_S = 1.0
"""For errors to reach clients whose requests were ended; who does not read them by then is cut off."""


class GatewayServer(uvicorn.Server):
    """Drains: uvicorn alone closes its listeners at once, and cuts at its time limit what is left.

    ``drain_delay_s`` is how long it goes on as before after it has been told to leave, but not ready;
    ``drain_s`` how long requests under way get after that.
    """

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, *, drain_delay_s: float, drain_s: float) -> None:
        super().__init__(config)
        self.drain_delay_s = drain_delay_s
        self.drain_s = drain_s
        self._lifecycle = lifecycle
        self._leaving_at: float | None = None
        self._hurried = False
        self._reload: Callable[[], None] | None = None
        self._reload_due = False
        self._signals: Handlers = {signal.SIGTERM: self.leave_or_hurry, signal.SIGINT: self.leave_or_hurry}

    def reload_with(self, reload: Callable[[], None]) -> None:
        """Have SIGHUP call ``reload``, on the event loop."""
        self._reload = reload
        self._signals = {**self._signals, signal.SIGHUP: self._due_for_reload}

    def handle(self, signals: Handlers) -> None:
        """Have these signals, and no others, do what they are mapped to."""
        self._signals = signals

    def leave(self) -> None:
        """Not ready from now on; the rest follows. A second time changes nothing."""
        if self._leaving_at is None:
            self._lifecycle.drain()
            self._leaving_at = time.monotonic() + self.drain_delay_s

    def retire(self) -> None:
        """Close the listeners now, since others listen at the same address, and finish what is under way."""
        self._lifecycle.retire()
        self._leaving_at = time.monotonic()

    def hurry(self) -> None:
        """End now: what is under way gets an error."""
        self.leave()
        self._leaving_at = time.monotonic()
        self._hurried = True

    def leave_or_hurry(self) -> None:
        """Leave; the second time, hurry."""
        if self._leaving_at is None:
            self.leave()
        else:
            self.hurry()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application and listen."""
        # libuv takes one connection of each listener in a turn of the event loop: with a thousand streams a turn
        # is long, and new clients would wait for as many turns as there are clients before them.
        await super().startup([copy for each in sockets or () for copy in (each, *_copies(each))] or None)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second; returns whether it is time to close the listeners."""
        if self._reload_due and self._reload is not None:
            self._reload_due = False
            self._reload()
        if self._leaving_at is not None and time.monotonic() >= self._leaving_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listeners, wait for what is under way, end what is left, stop the application."""
        ending = asyncio.create_task(self._end_in_time())
        for server in self.servers:
            server.close()
        await self._take_last_requests()
        await super().shutdown(sockets)
        ending.cancel()
        if self.force_exit:
            # uvicorn leaves that out when it is in a hurry.
            await self.lifespan.shutdown()

    async def _take_last_requests(self) -> None:
        """Let idle connections be for a moment: one accepted just now has its request on the way."""
        until = time.monotonic() + _LAST_REQUESTS_S
        while time.monotonic() < until and not self._hurried and self._any_idle():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)

    def _any_idle(self) -> bool:
        return any(map(_is_idle, self.server_state.connections))

    async def _end_in_time(self) -> None:
        until = time.monotonic() + self.drain_s
        while time.monotonic() < until and not self._hurried:  # noqa: ASYNC110 - a signal handler sets it
            await asyncio.sleep(0.05)
        if count := self._lifecycle.end_all():
            logger.warning("ending %d requests that were still running", count)
        await asyncio.sleep(_LAST_WORDS_S)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        self.force_exit = True

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Handle signals while serving. Unlike uvicorn it does not raise them again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._handler(number)) for number in self._signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handler(self, number: signal.Signals) -> Callable[[int, FrameType | None], None] | signal.Handlers:
        action = self._signals[number]
        return action if isinstance(action, signal.Handlers) else lambda _number, _frame: action()

    def _due_for_reload(self) -> None:
        self._reload_due = True


def _is_idle(connection: Any) -> bool:
    """Whether no request is under way; uvicorn closes such a connection at shutdown, read or not."""
    return connection.cycle is None or connection.cycle.response_complete


def _copies(listening: socket.socket) -> list[socket.socket]:
    """More descriptors of the same socket; the event loop's servers close them."""
    # Whether it blocks is one flag for all processes that have it, and a copy sets it as the copied object has it: one
    # that believed in blocking would have workers that accept just then stand still until the next connection.
    listening.setblocking(False)
    return [listening.dup() for _ in range(_ACCEPTED_AT_ONCE - 1)]
