"""Work that stops when its client goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

from semtoken_server.errors import ClientDisconnectedError

T = TypeVar("T")


async def until_disconnect(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` to its end, or cancel it as soon as the client disconnects.

    The request's body must have been read whole, so that the next message can only be the
    disconnect. Waiting for it costs nothing; nothing is polled.

    Raises ``ClientDisconnectedError`` when the client went away, and whatever ``work`` raises.
    """
    watch = _Watch(receive)
    try:
        # In this very task: of two tasks, one would only wait for the other.
        return await work
    except asyncio.CancelledError:
        if watch.gone and watch.working.uncancel() == 0:
            raise ClientDisconnectedError from None
        raise
    finally:
        watch.end()


class _Watch:
    """Cancels the task that made it when the client disconnects."""

    def __init__(self, receive: Receive) -> None:
        working = asyncio.current_task()
        if working is None:
            raise RuntimeError("only a task can be cancelled when its client goes away")
        self.working = working
        self.gone = False
        self._over = False
        self._watching = asyncio.ensure_future(_disconnected(receive))
        self._watching.add_done_callback(self._cancel_work)

    def end(self) -> None:
        """Watch no more."""
        self._over = True
        self._watching.cancel()

    def _cancel_work(self, watching: asyncio.Task[None]) -> None:
        # It may have been called for while the work came to its end.
        if not self._over and not watching.cancelled():
            self.gone = True
            self.working.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
