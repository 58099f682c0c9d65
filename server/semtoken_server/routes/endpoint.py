"""Routes on the way of every generated token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

Handler = Callable[[Request, Send], Awaitable[None]]


class AsgiEndpoint:
    """A handler that sends its answer itself, as an ASGI application for a route.

    What FastAPI puts around a function (dependencies, two exit stacks, a second layer that maps errors) costs
    more than forwarding a request, and nothing of it is needed here.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; errors go to the application's handlers."""
        await self._handler(Request(scope, receive), send)
