"""Streamed answers: relayed as they come, broken off in order, and stopped when nobody listens."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from fakes.fake_engine import WORDS, FakeEngine
from fakes.serving import Served
from fakes.texts import rag

CHAT = "/v1/chat/completions"
ROUTES = (CHAT, "/v1/completions")


def asked(route: str, text: str, **fields: Any) -> dict[str, Any]:
    prompt = {"messages": [{"role": "user", "content": text}]} if route == CHAT else {"prompt": text}
    return {"model": "fake-model", "stream": True, **prompt, **fields}


def events(response: httpx.Response) -> list[str]:
    """The data of each event; fails where anything else stands between events."""
    parts = response.text.split("\n\n")
    assert parts.pop() == ""
    assert all(part.startswith("data: ") for part in parts)
    return [part.removeprefix("data: ") for part in parts]


@pytest.mark.parametrize("route", ROUTES)
async def test_a_stream_arrives_whole_with_its_headers(served: Served, route: str) -> None:
    response = await served.post(route, asked(route, rag()))
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["x-semtoken-status"] == "compressed"
    assert response.headers["x-request-id"]
    assert "content-length" not in response.headers
    *chunks, done = events(response)
    assert done == "[DONE]"
    choices = [json.loads(chunk)["choices"][0] for chunk in chunks]
    assert [c["text"] if "text" in c else c["delta"]["content"] for c in choices] == list(WORDS)
    # Nobody asked for usage, so there is no chunk that the object could stand in.
    assert "semtoken" not in response.text


@pytest.mark.parametrize("route", ROUTES)
async def test_the_usage_chunk_carries_the_semtoken_object(served: Served, route: str) -> None:
    response = await served.post(route, asked(route, rag(), stream_options={"include_usage": True}))
    *chunks, usage, _ = (json.loads(event) for event in [*events(response)[:-1], "{}"])
    assert all("semtoken" not in chunk for chunk in chunks)
    assert usage["choices"] == []
    assert usage["usage"]["prompt_tokens"] == usage["semtoken"]["forwarded_tokens"]
    assert usage["semtoken"]["status"] == "compressed"
    assert usage["semtoken"]["request_id"] == response.headers["x-request-id"]


async def test_events_arrive_before_the_engine_is_done(served: Served, engine: FakeEngine) -> None:
    engine.behaviour = "stall_midway"
    async with served.client.stream("POST", CHAT, json=asked(CHAT, "Hello")) as response:
        lines = response.aiter_lines()
        first = await anext(lines)
        assert json.loads(first.removeprefix("data: "))["choices"][0]["delta"]["content"] == WORDS[0]
        assert not engine.cancelled.is_set()


async def test_a_client_that_leaves_a_stream_stops_the_engine(served: Served, engine: FakeEngine) -> None:
    engine.behaviour = "stall_midway"
    async with served.client.stream("POST", CHAT, json=asked(CHAT, "Hello")) as response:
        await anext(response.aiter_bytes())
    await asyncio.wait_for(engine.cancelled.wait(), timeout=10)
    await eventually(lambda: served.metric("semtoken_stream_aborts_total", side="client") == 1)
    await eventually(lambda: served.metric("semtoken_inflight_requests") == 0)


@pytest.mark.parametrize("route", ROUTES)
async def test_a_client_that_leaves_an_unstreamed_request_stops_the_engine(
    served: Served, engine: FakeEngine, route: str
) -> None:
    engine.behaviour = "stall"
    waiting = asyncio.create_task(served.post(route, asked(route, "Hello", stream=False)))
    await asyncio.wait_for(engine.arrived.wait(), timeout=10)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.wait_for(engine.cancelled.wait(), timeout=10)
    await eventually(lambda: served.metric("semtoken_requests_total", route=route, code="499") == 1)


async def test_an_engine_that_dies_midway_ends_the_stream_with_an_error_event(
    served: Served, engine: FakeEngine
) -> None:
    engine.behaviour = "die_midway"
    response = await served.post(CHAT, asked(CHAT, "Hello"))
    assert response.status_code == 200
    *chunks, error = (json.loads(event) for event in events(response))
    assert [chunk["choices"][0]["delta"]["content"] for chunk in chunks] == list(WORDS[:2])
    assert error["error"]["code"] == "engine_connection"
    assert error["error"]["type"] == "server_error"
    assert served.metric("semtoken_stream_aborts_total", side="engine") == 1


async def test_a_stream_refused_by_the_engine_is_no_stream(served: Served, engine: FakeEngine) -> None:
    engine.behaviour = "refuse"
    response = await served.post(CHAT, asked(CHAT, "Hello"))
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("application/json")


async def test_times_of_streams_are_measured(served: Served) -> None:
    await served.post(CHAT, asked(CHAT, "Hello"))
    assert served.metric("semtoken_time_to_first_token_seconds_count", route=CHAT) == 1
    assert served.metric("semtoken_inter_token_seconds_count") == len(WORDS) - 1


async def eventually(condition: Any) -> None:
    """Wait until the other side has caught up; at most ten seconds."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError("it never came to be")
