"""The engine's answers on their way to the client."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Send

from semtoken_server.access.access import key_of
from semtoken_server.access.passes import passed_headers
from semtoken_server.bodies import JsonBody
from semtoken_server.compression.outcome import Outcome
from semtoken_server.disconnect import until_disconnect
from semtoken_server.engines.base import EngineRequest, EngineResponse, read_whole
from semtoken_server.errors import ClientDisconnectedError, EngineError, error_event
from semtoken_server.gateway import Gateway
from semtoken_server.middleware import began, keep_error_event, request_id, trace_of
from semtoken_server.options import RequestOptions
from semtoken_server.quality.sample import Sample
from semtoken_server.rewrite import append_member
from semtoken_server.sse import EventRelay, StreamForm, TokenClock

# The rest is the connection's or the engine's own: lengths, dates, cookies, server names.
_RELAYED_HEADERS = ("content-type", "retry-after")
# vLLM's, of embeddings as bytes: their shapes and places.
_SHAPES = "metadata"


class Sender(Protocol):
    """Forwards a generation in the form that it is to have."""

    async def send(self, request: EngineRequest) -> EngineResponse:
        """Raises ``EngineError``."""


class GenerationAnswer:
    """Sends the engine's answer to one generation, with what became of its prompt put into it."""

    def __init__(self, request: Request, gateway: Gateway, send: Send, form: StreamForm) -> None:
        self._request = request
        self._gateway = gateway
        self._send = send
        self._form = form
        self._streaming = False
        self._trace = trace_of(request)

    async def until_disconnect(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work``, which ends with :meth:`forward`; the engine stops its work when the client goes away.

        Raises ``ClientDisconnectedError`` when that was before a stream had begun.
        """
        try:
            await until_disconnect(self._request.receive, work)
        except ClientDisconnectedError as error:
            if not self._streaming:
                raise
            self._trace.failed(error)
            self._gateway.metrics.stream_aborts.labels("client").inc()

    async def forward(
        self, asked: EngineRequest, body: JsonBody, options: RequestOptions, outcome: Outcome, sender: Sender
    ) -> None:
        """Forward ``asked``, which was made of ``body``, and send what the engine answers, a stream as a stream."""
        path, quality = self._request.scope["path"], self._gateway.quality
        sample = quality.sample(path, body, asked.body, options, outcome, request_id(self._request))
        with quality.answering(sample):
            await self._forward(await sender.send(asked), outcome, sample)

    async def _forward(self, upstream: EngineResponse, outcome: Outcome, sample: Sample | None) -> None:
        request = self._request
        headers = {**_relayed(upstream), **outcome.headers}
        semtoken = outcome.to_dict(request_id(request))
        if upstream.content_type == "text/event-stream":
            self._streaming = True
            await self._stream(upstream, headers, semtoken, sample)
            return
        answer = await read_whole(upstream)
        if upstream.status == 200 and upstream.content_type == "application/json":
            if self._trace.recording:
                self._trace.answered(answer)
            answer = append_member(answer, "semtoken", semtoken)
        raw = [*_encoded(headers), (b"content-length", b"%d" % len(answer))]
        await self._send({"type": "http.response.start", "status": upstream.status, "headers": raw})
        await self._send({"type": "http.response.body", "body": answer, "more_body": False})
        if sample is not None and upstream.status == 200:
            sample.collect(answer)
            sample.complete = True

    async def _stream(
        self, upstream: EngineResponse, headers: Mapping[str, str], semtoken: dict[str, Any], sample: Sample | None
    ) -> None:
        """Events as they come.

        The status has gone out when the engine fails, so the failure is an event of its own, and nothing
        like ``[DONE]`` follows.
        """
        metrics, send = self._gateway.metrics, self._send
        first = metrics.first_token_seconds.labels(self._request.scope["route"].path)
        clock = TokenClock(began(self._request), first, metrics.inter_token_seconds)
        on_usage = self._trace.answered if self._trace.recording else None
        relay = EventRelay(self._form, semtoken, clock, on_usage)

        def told(error: Exception) -> bytes:
            return error_event(error, self._form.errors, relay.events)

        keep_error_event(self._request, told)
        try:
            await send({"type": "http.response.start", "status": upstream.status, "headers": _encoded(headers)})
            try:
                async for events in relay.relay(upstream.chunks()):
                    await send({"type": "http.response.body", "body": events, "more_body": True})
                    if sample is not None:
                        sample.collect(events)
            except EngineError as error:
                self._trace.failed(error)
                metrics.stream_aborts.labels("engine").inc()
                await send({"type": "http.response.body", "body": told(error), "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            if sample is not None:
                sample.streamed = sample.complete = True
        finally:
            await upstream.close()


def engine_request(request: Request, body: bytes, model: Any, affinity: bytes | None = None) -> EngineRequest:
    """A client's request as the engine gets it: nothing of its credentials, cookies or connection, and
    of its routing headers what its key lets pass.

    ``model`` is what the client wrote in its place.
    """
    headers = passed_headers(request.scope["headers"], key_of(request).passes)
    headers |= {"content-type": "application/json", "x-request-id": request_id(request)}
    named = model if isinstance(model, str) else None
    return EngineRequest("POST", request.scope["path"], body, headers, named, affinity, trace_of(request))


async def plain_answer(gateway: Gateway, request: EngineRequest) -> Response:
    """Forward a request and answer with what the engine says, untouched."""
    upstream = await gateway.engine.send(request)
    headers = _relayed(upstream)
    if (shapes := upstream.headers.get(_SHAPES)) is not None:
        headers[_SHAPES] = shapes
    return Response(await read_whole(upstream), upstream.status, headers)


def _relayed(upstream: EngineResponse) -> dict[str, str]:
    return {name: value for name in _RELAYED_HEADERS if (value := upstream.headers.get(name)) is not None}


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
