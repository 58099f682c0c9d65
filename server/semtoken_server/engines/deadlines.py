"""The time limit for the first byte of a stream, and connections that ended unnoticed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NoReturn

from semtoken_server.engines.endpoint import Endpoint
from semtoken_server.engines.response import cut_unnoticed
from semtoken_server.engines.routing import Router
from semtoken_server.engines.waiting import Waiting

_EVERY_S = 1.0


async def watch_deadlines(endpoints: Sequence[Endpoint], router: Router, limit_s: float) -> NoReturn:
    """End what waits longer than ``limit_s`` for a stream's first byte, at most a second too late, until cancelled.

    Not where the engine is well and no other may have the request: it would lose its place in the only queue there is.
    And what waits at a connection that is gone.

    A timer for each request would be a twentieth of what forwarding costs, and hardly one would ever run out.
    """
    while True:
        await asyncio.sleep(min(_EVERY_S, limit_s / 4))
        for endpoint in endpoints:
            for waiting in tuple(endpoint.waiting):
                if waiting.overdue(limit_s) and not _best_there(endpoint, waiting, router):
                    waiting.give_up()
                if waiting.head is not None and cut_unnoticed(waiting.head):
                    waiting.cut()
            for answer in tuple(endpoint.answers):
                answer.check()


def _best_there(endpoint: Endpoint, waiting: Waiting, router: Router) -> bool:
    return endpoint.healthy and not router.elsewhere(waiting.request, (endpoint,))
