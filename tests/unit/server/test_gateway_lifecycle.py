"""What becomes of requests when a process leaves, in one process and without signals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from semtoken_server.lifecycle.ports import ByPort
from semtoken_server.lifecycle.state import Lifecycle
from semtoken_server.metrics import Metrics
from semtoken_server.middleware import RequestContext
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route


async def never(_request: Request) -> Response:
    await asyncio.Event().wait()
    return Response()


async def stream(request: Request) -> Response:
    async def events() -> AsyncIterator[bytes]:
        yield b"data: 1\n\n"
        await asyncio.Event().wait()

    return StreamingResponse(events(), media_type=request.query_params["type"])


@pytest.fixture
def lifecycle() -> Lifecycle:
    return Lifecycle()


@pytest.fixture
def app(lifecycle: Lifecycle) -> Starlette:
    app = Starlette(routes=[Route("/never", never), Route("/stream", stream), Route("/", PlainTextResponse("ok"))])
    app.add_middleware(RequestContext, metrics=Metrics(), lifecycle=lifecycle)
    return app


async def answered(app: Starlette, lifecycle: Lifecycle, path: str) -> httpx.Response:
    """The answer to a request that is still running when the time is up."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        request = asyncio.create_task(client.get(path))
        await asyncio.sleep(0.05)
        lifecycle.drain()
        assert lifecycle.end_all() == 1
        return await asyncio.wait_for(request, 5)


async def test_a_request_that_has_no_answer_yet_gets_an_error(app: Starlette, lifecycle: Lifecycle) -> None:
    answer = await answered(app, lifecycle, "/never")
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "shutting_down"
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["connection"] == "close"
    assert answer.headers["x-request-id"]


async def test_a_stream_gets_an_event(app: Starlette, lifecycle: Lifecycle) -> None:
    answer = await answered(app, lifecycle, "/stream?type=text/event-stream")
    first, last = answer.text.rstrip().split("\n\n")
    assert first == "data: 1"
    assert '"code":"shutting_down"' in last


async def test_what_is_no_stream_of_events_is_cut(app: Starlette, lifecycle: Lifecycle) -> None:
    with pytest.raises(asyncio.CancelledError):
        await answered(app, lifecycle, "/stream?type=text/plain")


async def test_a_request_cancelled_for_another_reason_is_not_answered(app: Starlette) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        request = asyncio.create_task(client.get("/never"))
        await asyncio.sleep(0.05)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request


async def test_one_that_retires_closes_connections_and_is_ready(lifecycle: Lifecycle) -> None:
    lifecycle.retire()
    assert lifecycle.closing
    assert not lifecycle.draining


async def test_requests_are_told_apart_by_their_port() -> None:
    both = ByPort(PlainTextResponse("public"), PlainTextResponse("operations"), 9000)
    transport = httpx.ASGITransport(both)
    async with httpx.AsyncClient(transport=transport) as client:
        assert (await client.get("http://a:9000/")).text == "operations"
        assert (await client.get("http://a:8080/")).text == "public"
