"""What becomes of the requests at an engine that nobody answers at any more."""

from __future__ import annotations

from semtoken_server.engines.endpoint import Endpoint
from semtoken_server.engines.routing import Router
from semtoken_server.errors import EngineTimeoutError

STREAMS_AFTER = 6
"""Health checks without any answer after which streams that have begun are ended: they cannot be moved, so they
get longer to go on."""


def rescue(endpoint: Endpoint, router: Router) -> None:
    """End what waits at a lost endpoint: its senders try elsewhere.

    A stream without a byte is left waiting where there is no elsewhere: it has a deadline of its own.
    An answer in one piece shows no sign of life before its end, so it waits no longer in any case.
    """
    for waiting in tuple(endpoint.waiting):
        if router.elsewhere(waiting.request, (endpoint,)) or not waiting.streamed:
            waiting.take_out()
    gone = f"the engine {endpoint.name} has stopped answering"
    for answer in tuple(endpoint.answers):
        if not answer.streamed or endpoint.misses >= STREAMS_AFTER:
            answer.abandon(EngineTimeoutError(gone))
