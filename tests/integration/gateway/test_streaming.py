"""Streamed answers: relayed as they come, broken off in order, and stopped when nobody listens."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from fakes.engine import TROUBLE_AT, WORDS, Behaviour, FakeEngine
from fakes.serving import Served, eventually, gateway
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


def word(event: str) -> Any:
    choice = json.loads(event)["choices"][0]
    return choice["text"] if "text" in choice else choice["delta"]["content"]


@pytest.mark.parametrize("route", ROUTES)
async def test_a_stream_arrives_whole_with_its_headers(served: Served, route: str) -> None:
    response = await served.post(route, asked(route, rag()))
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["x-semtoken-status"] == "compressed"
    assert response.headers["x-request-id"]
    assert "content-length" not in response.headers
    *chunks, done = events(response)
    assert done == "[DONE]"
    assert [word(chunk) for chunk in chunks] == list(WORDS)
    # Nobody asked for usage, so there is no chunk that the object could stand in.
    assert "semtoken" not in response.text


@pytest.mark.parametrize("route", ROUTES)
async def test_the_usage_chunk_carries_the_semtoken_object(served: Served, route: str) -> None:
    response = await served.post(route, asked(route, rag(), stream_options={"include_usage": True}))
    *chunks, last, done = events(response)
    assert done == "[DONE]"
    assert not any("semtoken" in chunk for chunk in chunks)
    usage = json.loads(last)
    assert usage["choices"] == []
    assert usage["usage"]["prompt_tokens"] == usage["semtoken"]["forwarded_tokens"]
    assert usage["semtoken"]["status"] == "compressed"
    assert usage["semtoken"]["request_id"] == response.headers["x-request-id"]


async def words_first(served: Served, engine: FakeEngine) -> tuple[list[Any], list[str]]:
    """The words that come while the engine stands still, and the events that follow once it goes on."""
    async with served.client.stream("POST", CHAT, json=asked(CHAT, "Hello")) as response:
        assert response.status_code == 200
        data = (line.removeprefix("data: ") async for line in response.aiter_lines() if line)
        first = [word(await anext(data)) for _ in range(TROUBLE_AT)]
        engine.resume.set()
        return first, [event async for event in data]


async def test_events_arrive_before_the_engine_is_done(served: Served, engine: FakeEngine) -> None:
    engine.behaviour = "stall_midway"
    first, (*rest, done) = await words_first(served, engine)
    assert [*first, *map(word, rest)] == list(WORDS)
    assert done == "[DONE]"


async def test_a_client_that_leaves_a_stream_stops_the_engine(served: Served, engine: FakeEngine) -> None:
    engine.behaviour = "stall_midway"
    async with served.client.stream("POST", CHAT, json=asked(CHAT, "Hello")) as response:
        await anext(response.aiter_bytes())
    await asyncio.wait_for(engine.cancelled.wait(), timeout=10)
    await eventually(lambda: served.metric("semtoken_stream_aborts_total", side="client") == 1)
    await eventually(lambda: served.metric("semtoken_inflight_requests") == 0)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("route", ROUTES)
async def test_a_client_that_leaves_before_the_answer_begins_stops_the_engine(
    served: Served, engine: FakeEngine, route: str, stream: bool
) -> None:
    engine.behaviour = "stall"
    waiting = asyncio.create_task(served.post(route, asked(route, "Hello", stream=stream)))
    await asyncio.wait_for(engine.arrived.wait(), timeout=10)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.wait_for(engine.cancelled.wait(), timeout=10)
    await eventually(lambda: served.metric("semtoken_requests_total", route=route, code="499") == 1)


@pytest.mark.parametrize("behaviour", ["die_midway", "end_midway"])
async def test_a_stream_that_breaks_off_ends_with_an_error_event(
    served: Served, engine: FakeEngine, behaviour: Behaviour
) -> None:
    engine.behaviour = behaviour
    first, rest = await words_first(served, engine)
    assert first == list(WORDS[:TROUBLE_AT])
    (last,) = rest
    error = json.loads(last)["error"]
    assert (error["type"], error["code"]) == ("server_error", "engine_connection")
    assert served.metric("semtoken_stream_aborts_total", side="engine") == 1


async def test_an_engine_that_falls_silent_midway_is_given_up(engine: FakeEngine) -> None:
    engine.behaviour = "stall_midway"
    async with gateway(engine, engine_read_timeout_s=0.3) as served:
        response = await served.post(CHAT, asked(CHAT, "Hello"))
        *chunks, last = events(response)
        assert [word(chunk) for chunk in chunks] == list(WORDS[:TROUBLE_AT])
        assert json.loads(last)["error"]["code"] == "engine_timeout"
        await asyncio.wait_for(engine.cancelled.wait(), timeout=10)


async def test_a_stream_refused_by_the_engine_is_no_stream(served: Served, engine: FakeEngine) -> None:
    engine.behaviour = "refuse"
    response = await served.post(CHAT, asked(CHAT, "Hello"))
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("application/json")
    assert response.json()["error"]["message"] == "max_tokens is too large"


async def test_times_of_streams_are_measured(served: Served) -> None:
    await served.post(CHAT, asked(CHAT, "Hello"))
    assert served.metric("semtoken_time_to_first_token_seconds_count", route=CHAT) == 1
    assert served.metric("semtoken_inter_token_seconds_count") == len(WORDS) - 1
