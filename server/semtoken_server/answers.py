"""The engine's answers on their way to the client."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from semtoken_server.compression.outcome import Outcome
from semtoken_server.disconnect import until_disconnect
from semtoken_server.engines.base import EngineRequest, EngineResponse
from semtoken_server.errors import ClientDisconnectedError, EngineError, error_event
from semtoken_server.gateway import Gateway
from semtoken_server.middleware import began, request_id
from semtoken_server.rewrite import append_member
from semtoken_server.sse import EventRelay, TokenClock

# The rest is the connection's or the engine's own: lengths, dates, cookies, server names.
_RELAYED_HEADERS = ("content-type", "retry-after")


class StreamedAnswer(Response):
    """A stream of events; the engine stops its work when the client goes away.

    The status has gone out when the engine fails, so the failure is an event of its own, and no
    ``[DONE]`` follows.
    """

    def __init__(
        self, upstream: EngineResponse, relay: EventRelay, gateway: Gateway, headers: Mapping[str, str]
    ) -> None:
        super().__init__(None, upstream.status, dict(headers))
        # A stream has no length beforehand.
        del self.headers["content-length"]
        self._upstream = upstream
        self._relay = relay
        self._aborts = gateway.metrics.stream_aborts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await until_disconnect(receive, self._send_events(send))
        except ClientDisconnectedError:
            self._aborts.labels("client").inc()
        finally:
            await self._upstream.close()

    async def _send_events(self, send: Send) -> None:
        try:
            async for events in self._relay.relay(self._upstream.chunks()):
                await send({"type": "http.response.body", "body": events, "more_body": True})
        except EngineError as error:
            self._aborts.labels("engine").inc()
            await send({"type": "http.response.body", "body": error_event(error), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def engine_request(request: Request, body: bytes) -> EngineRequest:
    """A client's request as the engine gets it: nothing of its credentials, cookies or connection."""
    headers = {"content-type": "application/json", "x-request-id": request_id(request)}
    return EngineRequest("POST", request.scope["path"], body, headers)


async def generation_answer(request: Request, gateway: Gateway, body: bytes, outcome: Outcome) -> Response:
    """Forward a generation and answer with the engine's stream or body, the outcome put into it."""
    upstream = await gateway.engine.send(engine_request(request, body))
    headers = {**_relayed(upstream), **outcome.headers}
    semtoken = outcome.to_dict(request_id(request))
    if upstream.content_type == "text/event-stream":
        metrics = gateway.metrics
        first = metrics.first_token_seconds.labels(request.scope["route"].path)
        relay = EventRelay(semtoken, TokenClock(began(request), first, metrics.inter_token_seconds))
        return StreamedAnswer(upstream, relay, gateway, headers)
    answer = await _read(upstream)
    if upstream.status == 200 and upstream.content_type == "application/json":
        answer = append_member(answer, "semtoken", semtoken)
    return Response(answer, upstream.status, headers)


async def plain_answer(gateway: Gateway, request: EngineRequest) -> Response:
    """Forward a request and answer with what the engine says, untouched."""
    upstream = await gateway.engine.send(request)
    return Response(await _read(upstream), upstream.status, _relayed(upstream))


async def _read(upstream: EngineResponse) -> bytes:
    try:
        return await upstream.read()
    finally:
        # Also when the client has gone away meanwhile, which makes the engine stop.
        await upstream.close()


def _relayed(upstream: EngineResponse) -> dict[str, str]:
    return {name: value for name in _RELAYED_HEADERS if (value := upstream.headers.get(name)) is not None}
