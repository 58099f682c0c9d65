"""Whether a process is on its way out, and the requests that it still answers."""

from __future__ import annotations

import asyncio
from typing import Any


class Lifecycle:
    """Of one process; everything but :meth:`drain` and :meth:`retire` belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()
        self.draining = False
        """A load balancer is to send requests elsewhere."""
        self.closing = False
        """Answers close their connections, so that the next request finds another process."""
        self.over = False
        """The time for requests under way is up."""

    def drain(self) -> None:
        """The whole gateway is about to stop."""
        self.draining = self.closing = True

    def retire(self) -> None:
        """Only this process is about to stop; others take over at the same address."""
        self.closing = True

    def enter(self) -> asyncio.Task[Any] | None:
        """Note that the current task answers a request."""
        if (task := asyncio.current_task()) is not None:
            self._running.add(task)
        return task

    def leave(self, task: asyncio.Task[Any] | None) -> None:
        """Its answer is complete."""
        if task is not None:
            self._running.discard(task)

    def end_all(self) -> int:
        """Cancel what is still running, for the middleware to end it in order; returns how many those were."""
        self.over = True
        for task in self._running:
            task.cancel()
        return len(self._running)
