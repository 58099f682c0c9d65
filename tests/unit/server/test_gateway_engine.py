"""The HTTP engine: which address is asked, and what its failures are called."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fakes.encoders import small_tokenizer
from fakes.engine import MODEL, FakeEngine
from fakes.serving import eventually
from semtoken_server.engines.base import EngineRequest
from semtoken_server.engines.models import served_model
from semtoken_server.engines.policy import Policy
from semtoken_server.engines.pool import EnginePool
from semtoken_server.errors import EngineConnectionError, EngineTimeoutError, EngineUnavailableError
from semtoken_server.metrics import Metrics

CHAT = EngineRequest("POST", "/v1/chat/completions", b'{"messages":[]}', {"content-type": "application/json"})


@pytest.fixture
async def one() -> AsyncIterator[FakeEngine]:
    async with FakeEngine(small_tokenizer()) as engine:
        yield engine


@pytest.fixture
async def other() -> AsyncIterator[FakeEngine]:
    async with FakeEngine(small_tokenizer()) as engine:
        yield engine


@asynccontextmanager
async def started(
    *engines: FakeEngine, metrics: Metrics | None = None, api_key: str | None = None, **numbers: Any
) -> AsyncIterator[EnginePool]:
    urls = [engine.url for engine in engines]
    policy = Policy(**{"health_interval_s": 0.05, **numbers})
    http = EnginePool(urls, metrics or Metrics(), policy, api_key=api_key)
    await http.start()
    try:
        yield http
    finally:
        await http.close()


def name(engine: FakeEngine) -> str:
    return engine.url.removeprefix("http://")


async def test_the_least_busy_engine_is_asked(one: FakeEngine, other: FakeEngine) -> None:
    async with started(one, other) as http:
        first = await http.send(CHAT)
        second = await http.send(CHAT)
        assert (len(one.received), len(other.received)) == (1, 1)
        await second.close()
        await (await http.send(CHAT)).read()
        assert (len(one.received), len(other.received)) == (1, 2)
        await first.read()


async def test_an_engine_that_cannot_be_reached_is_passed_over(one: FakeEngine, other: FakeEngine) -> None:
    metrics = Metrics()
    async with started(one, other, metrics=metrics, health_interval_s=60) as http:
        assert http.health == {name(one): True, name(other): True}
        await one.stop()
        for _ in range(2):
            assert (await http.send(CHAT)).status == 200
        assert len(other.received) == 2
        await eventually(lambda: http.health == {name(one): False, name(other): True})
    exposed = metrics.render("")[0].decode()
    # One where the connection kept from the health check was found broken, another where none could be made.
    assert re.search(rf'engine_requests_total{{engine="{name(one)}",outcome="error"}} [12]', exposed)
    assert f'semtoken_engine_requests_total{{engine="{name(other)}",outcome="2xx"}} 2.0' in exposed
    assert f'semtoken_engine_up{{engine="{name(one)}"}} 0.0' in exposed


async def test_an_engine_that_hangs_up_is_a_connection_error(one: FakeEngine) -> None:
    one.behaviour = "die"
    async with started(one) as http:
        with pytest.raises(EngineConnectionError, match=name(one)):
            await http.send(CHAT)


async def test_a_silent_engine_is_a_time_out_and_nobody_else_gets_the_request(
    one: FakeEngine, other: FakeEngine
) -> None:
    one.behaviour = other.behaviour = "stall"
    async with started(one, other, read_timeout_s=0.2) as http:
        with pytest.raises(EngineTimeoutError):
            await http.send(CHAT)
    assert len(one.received) + len(other.received) == 1


async def test_without_a_healthy_engine_nothing_is_sent(one: FakeEngine) -> None:
    one.healthy = False
    async with started(one) as http:
        with pytest.raises(EngineUnavailableError):
            await http.send(CHAT)
    assert one.received == []


async def test_health_is_watched_and_each_coming_up_is_an_epoch(one: FakeEngine) -> None:
    async with started(one) as http:
        assert http.epoch == {name(one): 1}
        for up in (False, True):
            one.healthy = up
            await asyncio.wait_for(http.wait_for_change(), timeout=10)
            assert http.health == {name(one): up}
        assert http.epoch == {name(one): 2}


async def test_closing_an_answer_before_its_end_stops_the_engine(one: FakeEngine) -> None:
    one.behaviour = "stall_midway"
    async with started(one) as http:
        response = await http.send(EngineRequest("POST", CHAT.path, b'{"stream":true,"messages":[]}'))
        assert response.content_type == "text/event-stream"
        await anext(aiter(response.chunks()))
        await response.close()
        await asyncio.wait_for(one.cancelled.wait(), timeout=10)


async def test_a_body_that_breaks_off_is_an_error(one: FakeEngine) -> None:
    one.behaviour = "break_body"
    async with started(one) as http:
        response = await http.send(CHAT)
        with pytest.raises(EngineConnectionError):
            await response.read()


async def test_the_engine_s_key_and_a_large_body_go_along(one: FakeEngine) -> None:
    async with started(one, api_key="engine-key") as http:
        body = b'{"messages":[],"x":"%s"}' % (b"a" * 3_000_000)
        await (await http.send(EngineRequest("POST", CHAT.path, body))).read()
    assert one.last.headers["authorization"] == "Bearer engine-key"
    assert one.last.body == body


async def test_the_served_model_is_the_base_and_not_an_adapter(one: FakeEngine) -> None:
    async with started(one) as http:
        model = await served_model(http)
    assert (model.id, model.root) == (MODEL, "fake-root")
