"""Around every route that costs something: who is not let in is answered before the body is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from semtoken_server.access.access import Access, keep_key
from semtoken_server.access.hold import keep
from semtoken_server.errors import GatewayError

Answer = Callable[[Request, Exception], Awaitable[Response]]

_OPEN = frozenset({"/metrics", "/playground"})
_OPEN_FOLDERS = ("/health/", "/playground/")


class AccessControl:
    """Lets requests in by key and room, and answers the others with ``answer``, as a route's own errors are.

    Health, metrics and the playground's page are for everybody who can reach the port, also when it is full.
    """

    def __init__(self, app: ASGIApp, *, access: Access, answer: Answer) -> None:
        self._app = app
        self._access = access
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            key, hold = await self._access.enter(scope["headers"])
        except GatewayError as error:
            _find_route(scope)
            response = await self._answer(Request(scope, receive), error)
            await response(scope, receive, send)
            return
        try:
            keep_key(scope, key)
            keep(scope, hold)
            await self._app(scope, hold.reader(receive), send)
        finally:
            self._access.leave(key, hold)


def is_open(path: str) -> bool:
    """Whether a path is served to everybody."""
    return path in _OPEN or path.startswith(_OPEN_FOLDERS)


def _find_route(scope: Scope) -> None:
    """The route that would have served it, for the metrics and the form of the error."""
    for route in scope["app"].router.routes:
        match, _ = route.matches(scope)
        if match is Match.FULL:
            scope["route"] = route
            return
