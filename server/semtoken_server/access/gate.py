"""How many requests are served at once, and how many bytes of them are held."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from semtoken_server.errors import BodyTooLargeError, MemoryFullError, QueueFullError, QueueWaitError


@dataclass(slots=True)
class _Ticket:
    size: int
    turn: asyncio.Future[None] = field(repr=False)


class Gate:
    """Lets in ``max_concurrent`` requests with ``max_bytes`` of bodies; ``max_queue`` more wait ``wait_s`` at most.

    First come, first served: a small request does not overtake a large one, which else might never get its turn.
    """

    def __init__(self, *, max_concurrent: int, max_bytes: int, max_queue: int, wait_s: float) -> None:
        self._most = max_concurrent
        self._max_bytes = max_bytes
        self._max_queue = max_queue
        self._wait_s = wait_s
        self._inside = 0
        self._bytes = 0
        self._parsed = 0
        self._queue: deque[_Ticket] = deque()

    @property
    def inside(self) -> int:
        """Requests that were let in and have not left."""
        return self._inside

    @property
    def max_bytes(self) -> int:
        """Bytes of bodies that there is room for, and as many of their parsed forms."""
        return self._max_bytes

    @property
    def held_bytes(self) -> int:
        """Bytes that they hold, parsed forms included."""
        return self._bytes + self._parsed

    def try_enter(self, size: int) -> bool:
        """Whether there was room at once, and nobody waiting for it; it is held then."""
        if self._queue or not self._fits(size):
            return False
        self._take(size)
        return True

    async def enter(self, size: int) -> None:
        """Return when there is room for a request with a body of ``size`` bytes, which then holds it.

        Raises ``BodyTooLargeError`` where there can never be, ``QueueFullError`` and ``QueueWaitError``.
        """
        if size > self._max_bytes:
            raise BodyTooLargeError(self._max_bytes)
        if self.try_enter(size):
            return
        if len(self._queue) >= self._max_queue:
            raise QueueFullError(self._max_queue)
        await self._wait(_Ticket(size, asyncio.get_running_loop().create_future()))

    def grow(self, size: int) -> None:
        """One that is inside holds ``size`` bytes more; raises ``MemoryFullError`` where there is no room.

        It does not wait: those who wait with bytes in their hands would wait for one another.
        """
        if self._bytes + size > self._max_bytes:
            raise MemoryFullError
        self._bytes += size

    def grow_parsed(self, size: int) -> None:
        """One that is inside holds a parsed form of ``size`` bytes; raises ``MemoryFullError``.

        Parsed forms have a room of their own, or bodies let in could fill it so that none can be parsed.
        """
        if self._parsed + size > self._max_bytes:
            raise MemoryFullError
        self._parsed += size

    def leave(self, size: int, parsed: int = 0) -> None:
        """One that is inside goes and gives back all that it holds."""
        self._inside -= 1
        self._bytes -= size
        self._parsed -= parsed
        self._let_in()

    async def _wait(self, ticket: _Ticket) -> None:
        self._queue.append(ticket)
        entered = False
        try:
            async with asyncio.timeout(self._wait_s):
                await ticket.turn
            entered = True
        except TimeoutError as error:
            raise QueueWaitError(self._wait_s) from error
        finally:
            if not entered:
                self._withdraw(ticket)

    def _withdraw(self, ticket: _Ticket) -> None:
        if ticket.turn.done() and not ticket.turn.cancelled():
            # Its turn came in the same moment in which it gave up.
            self.leave(ticket.size)
            return
        if ticket in self._queue:
            self._queue.remove(ticket)
        # Whoever is behind it may be smaller.
        self._let_in()

    def _let_in(self) -> None:
        while self._queue:
            ticket = self._queue[0]
            gone = ticket.turn.done()
            if not gone and not self._fits(ticket.size):
                return
            self._queue.popleft()
            if not gone:
                self._take(ticket.size)
                ticket.turn.set_result(None)

    def _fits(self, size: int) -> bool:
        return self._inside < self._most and self._bytes + size <= self._max_bytes

    def _take(self, size: int) -> None:
        self._inside += 1
        self._bytes += size
