"""Ends the reading of bodies that take too long, with one timer for all of them."""

from __future__ import annotations

import asyncio

from semtoken_server.errors import BodyTimeoutError

_MOST_S = 1.0


class BodyClock:
    """Gives each body ``timeout_s``, looked at every second at most.

    ``asyncio.timeout`` for each read would cost as much as letting a request in altogether.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._interval_s = min(_MOST_S, timeout_s / 4)
        self._reading: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._ticking = False

    def deadline(self) -> float:
        """When a body that begins now must be whole, on the loop's clock."""
        return asyncio.get_running_loop().time() + self._timeout_s

    def begin(self, deadline: float) -> asyncio.Task[object]:
        """The current task waits for a piece of its body."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can be told that its body is late")
        self._reading[task] = deadline
        if not self._ticking:
            self._ticking = True
            asyncio.get_running_loop().call_later(self._interval_s, self._tick)
        return task

    def end(self, task: asyncio.Task[object]) -> None:
        """It waits no more."""
        self._reading.pop(task, None)

    def require_in_time(self, task: asyncio.Task[object]) -> None:
        """Of a task that was cancelled: raises ``BodyTimeoutError`` if this clock did it, and nobody else as well."""
        if task in self._late:
            self._late.discard(task)
            if task.uncancel() == 0:
                raise BodyTimeoutError(self._timeout_s) from None

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for task in [task for task, deadline in self._reading.items() if deadline <= now]:
            del self._reading[task]
            self._late.add(task)
            task.cancel()
        self._ticking = bool(self._reading)
        if self._ticking:
            loop.call_later(self._interval_s, self._tick)
