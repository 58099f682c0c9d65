"""The time limit for the first byte of a stream, and connections that ended unnoticed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NoReturn

from semtoken_server.engines.endpoint import Endpoint
from semtoken_server.engines.response import cut_unnoticed

_EVERY_S = 1.0


async def watch_deadlines(endpoints: Sequence[Endpoint], limit_s: float) -> NoReturn:
    """End what waits longer than ``limit_s`` for a stream's first byte, at most a second too late, until cancelled.

    And what waits at a connection that is gone.

    A timer for each request would be a twentieth of what forwarding costs, and hardly one would ever run out.
    """
    while True:
        await asyncio.sleep(min(_EVERY_S, limit_s / 4))
        for endpoint in endpoints:
            for waiting in tuple(endpoint.waiting):
                waiting.check(limit_s)
                if waiting.head is not None and cut_unnoticed(waiting.head):
                    waiting.cut()
            for answer in tuple(endpoint.answers):
                answer.check()
