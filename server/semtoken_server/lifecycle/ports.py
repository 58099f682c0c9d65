"""Two applications in one server, told apart by the port that a request came to."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class ByPort:
    """``operations`` for what comes to local port ``port``, ``public`` for the rest and for the lifespan."""

    def __init__(self, public: ASGIApp, operations: ASGIApp, port: int) -> None:
        self._public = public
        self._operations = operations
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        address = scope.get("server")
        app = self._operations if address is not None and address[1] == self._port else self._public
        await app(scope, receive, send)
