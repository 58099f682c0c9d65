"""The pool in front of several fake engines: models, retries, breaker, deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import web
from semtoken_server.engines.base import EngineRequest
from semtoken_server.engines.models import served_model
from semtoken_server.engines.policy import Policy
from semtoken_server.engines.pool import EnginePool
from semtoken_server.errors import EngineTimeoutError, EngineUnavailableError, ModelUnknownError
from semtoken_server.metrics import Metrics

MODELS = EngineRequest("GET", "/v1/models")
STREAM = b'{"stream": true}'
LONG = b'{"stream": true, "prompt": "long"}'


class Engine:
    """Answers with ``status`` what it is called, or not at all."""

    def __init__(self, *models: str, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.models = list(models)
        self.status = status
        self.headers = headers or {}
        self.well = True
        self.silent = False
        self.prefill_s = 0.0
        self.asked = 0
        self.url = ""

    @property
    def name(self) -> str:
        return self.url.removeprefix("http://")

    async def list_models(self, _request: web.Request) -> web.Response:
        cards = [
            {"id": m, "root": f"{self.name}/{m}", "parent": "base" if "adapter" in m else None} for m in self.models
        ]
        return web.json_response({"object": "list", "data": cards})

    async def health(self, _request: web.Request) -> web.Response:
        return web.Response(status=200 if self.well else 503)

    async def generate(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.silent or b"long" in await request.read():
            await asyncio.sleep(60)
        await asyncio.sleep(self.prefill_s)
        return web.json_response({"by": self.name}, status=self.status, headers=self.headers)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_get("/health", self.health)
        app.router.add_get("/v1/models", self.list_models)
        app.router.add_post("/v1/chat/completions", self.generate)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield
        finally:
            await runner.cleanup()


@asynccontextmanager
async def pool_of(*engines: Engine, metrics: Metrics | None = None, **numbers: Any) -> AsyncIterator[EnginePool]:
    async with _all_running(engines):
        pool = EnginePool([engine.url for engine in engines], metrics or Metrics(), Policy(**numbers))
        await pool.start()
        try:
            yield pool
        finally:
            await pool.close()


@asynccontextmanager
async def _all_running(engines: tuple[Engine, ...]) -> AsyncIterator[None]:
    if not engines:
        yield
        return
    async with engines[0].running(), _all_running(engines[1:]):
        yield


def chat(model: str | None = None, affinity: bytes | None = None, body: bytes = b"{}") -> EngineRequest:
    return EngineRequest("POST", "/v1/chat/completions", body, model=model, affinity=affinity)


async def by(pool: EnginePool, request: EngineRequest) -> Any:
    response = await pool.send(request)
    return orjson.loads(await response.read())["by"]


async def test_requests_go_where_their_model_is_and_the_list_is_the_union() -> None:
    one, other = Engine("small", "both"), Engine("large", "both", "adapter")
    async with pool_of(one, other) as pool:
        for _ in range(3):
            assert await by(pool, chat("small")) == one.name
            assert await by(pool, chat("adapter")) == other.name
        listed = orjson.loads(await (await pool.send(MODELS)).read())
        assert listed["object"] == "list"
        roots = {card["id"]: card["root"] for card in listed["data"]}
        assert roots == {
            "small": f"{one.name}/small",
            "both": f"{one.name}/both",
            "large": f"{other.name}/large",
            "adapter": f"{other.name}/adapter",
        }
        assert (await served_model(pool)).id == "small"
        assert (await served_model(pool, other.name)).id == "large"


async def test_a_model_that_nobody_lists_is_unknown_until_somebody_does() -> None:
    one, other = Engine("small"), Engine("large")
    async with pool_of(one, other, models_fresh_s=0.0) as pool:
        with pytest.raises(ModelUnknownError, match="'new'"):
            await pool.send(chat("new"))
        assert one.asked + other.asked == 0
        # An adapter that was loaded meanwhile is found without waiting for the next reading.
        other.models.append("new")
        assert await by(pool, chat("new")) == other.name


async def test_one_conversation_stays_at_one_engine() -> None:
    engines = (Engine("m"), Engine("m"), Engine("m"))
    async with pool_of(*engines) as pool:
        first = await by(pool, chat("m", b"conversation"))
        assert {await by(pool, chat("m", b"conversation")) for _ in range(10)} == {first}
        assert len({await by(pool, chat("m", b"%d" % n)) for n in range(40)}) == 3


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_status_that_may_pass_is_tried_elsewhere(status: int) -> None:
    bad, good = Engine("m", status=status), Engine("m")
    metrics = Metrics()
    async with pool_of(bad, good, metrics=metrics, breaker_failures=100) as pool:
        assert {await by(pool, chat("m")) for _ in range(6)} == {good.name}
    assert bad.asked >= 1
    assert f'semtoken_engine_retries_total{{cause="{status}"}} {bad.asked}.0' in metrics.render("")[0].decode()


@pytest.mark.parametrize("status", [400, 404, 500])
async def test_any_other_status_is_the_answer(status: int) -> None:
    async with pool_of(one := Engine("m", status=status), other := Engine("m", status=status)) as pool:
        response = await pool.send(chat("m"))
        assert response.status == status
        await response.read()
    assert one.asked + other.asked == 1


async def test_the_last_answer_passes_when_retries_are_used_up() -> None:
    async with pool_of(one := Engine("m", status=503), retries=2) as pool:
        response = await pool.send(chat("m"))
        assert response.status == 503
        assert orjson.loads(await response.read()) == {"by": one.name}
    assert one.asked == 3


async def test_an_engine_that_wants_a_long_pause_is_not_asked_again() -> None:
    async with pool_of(one := Engine("m", status=429, headers={"retry-after": "60"})) as pool:
        response = await asyncio.wait_for(pool.send(chat("m")), 10)
        assert (response.status, response.headers["Retry-After"]) == (429, "60")
        await response.read()
    assert one.asked == 1


async def test_an_outage_is_not_amplified_beyond_the_budget() -> None:
    async with pool_of(one := Engine("m", status=503), retries=2) as pool:
        for _ in range(100):
            await (await pool.send(chat("m"))).read()
    # A fifth of a hundred.
    assert 110 <= one.asked <= 121


async def test_the_breaker_leaves_a_failing_engine_alone_and_asks_it_again_later() -> None:
    bad, good = Engine("m", status=502), Engine("m")
    async with pool_of(bad, good, breaker_failures=3, breaker_open_s=0.3) as pool:
        for _ in range(20):
            assert await by(pool, chat("m")) == good.name
        assert bad.asked == 3
        bad.status = 200
        await asyncio.sleep(0.4)
        assert {await by(pool, chat("m")) for _ in range(4)} == {bad.name, good.name}


async def test_a_busy_engine_is_no_broken_one() -> None:
    async with pool_of(Engine("m", status=503), breaker_failures=1, retries=0) as pool:
        for _ in range(5):
            response = await pool.send(chat("m"))
            assert response.status == 503
            await response.read()


async def test_an_only_engine_that_fails_on_and_on_is_unavailable() -> None:
    async with pool_of(one := Engine("m", status=502), breaker_failures=2, retries=0) as pool:
        for _ in range(2):
            await (await pool.send(chat("m"))).read()
        with pytest.raises(EngineUnavailableError):
            await pool.send(chat("m"))
    assert one.asked == 2


async def test_a_stream_without_a_first_byte_is_tried_elsewhere_and_one_piece_is_waited_for() -> None:
    stalled, good = Engine("m"), Engine("m")
    stalled.silent = True
    async with pool_of(stalled, good, first_byte_timeout_s=0.2, read_timeout_s=1.0) as pool:
        for _ in range(2):
            assert await by(pool, chat("m", body=b'{"stream" : true}')) == good.name
        assert stalled.asked == 1
        # The text of a prompt asks for nothing.
        whole = [pool.send(chat("m", body=rb'{"stream": false, "content": "\"stream\": true"}')) for _ in range(2)]
        ended = await asyncio.gather(*whole, return_exceptions=True)
        assert sum(isinstance(end, EngineTimeoutError) for end in ended) == 1
        assert (stalled.asked, good.asked) == (2, 3)


async def test_what_the_gateway_asks_one_engine_has_a_time_limit() -> None:
    stalled = Engine("m")
    stalled.silent = True
    async with pool_of(stalled, first_byte_timeout_s=0.2) as pool:
        with pytest.raises(EngineTimeoutError):
            await pool.send(chat("m"), endpoint=stalled.name)


async def test_headers_that_are_not_latin_come_out_as_the_bytes_they_were() -> None:
    async with pool_of(Engine("m", headers={"retry-after": "é"})) as pool:
        response = await pool.send(chat("m"))
        assert response.headers["Retry-After"].encode("latin-1") == "é".encode()
        await response.read()


async def test_at_the_only_engine_a_late_first_byte_is_waited_for() -> None:
    slow = Engine("m")
    slow.prefill_s = 1.0
    async with pool_of(slow, first_byte_timeout_s=0.2, breaker_failures=1) as pool:
        assert await asyncio.gather(*(by(pool, chat("m", body=STREAM)) for _ in range(3))) == [slow.name] * 3
        assert await by(pool, chat("m", body=STREAM)) == slow.name
    # Each once: a second time would be at the end of the same queue.
    assert slow.asked == 4


async def test_an_engine_of_another_model_is_no_other_one() -> None:
    slow, other = Engine("m"), Engine("n")
    slow.prefill_s = 1.0
    async with pool_of(slow, other, first_byte_timeout_s=0.2, breaker_failures=1) as pool:
        assert await by(pool, chat("m", body=STREAM)) == slow.name
    assert (slow.asked, other.asked) == (1, 0)


async def test_an_only_engine_that_is_not_well_has_no_longer_than_the_limit() -> None:
    ill = Engine("m")
    ill.silent = True
    async with pool_of(ill, first_byte_timeout_s=0.5, health_interval_s=0.05) as pool:
        waiting = asyncio.create_task(pool.send(chat("m", body=STREAM)))
        ill.well = False
        with pytest.raises(EngineTimeoutError):
            await asyncio.wait_for(waiting, 20)
    assert ill.asked == 1


async def test_one_that_comes_up_meanwhile_gets_what_waits_too_long() -> None:
    stalled, late = Engine("m"), Engine("m")
    stalled.silent, late.well = True, False
    async with pool_of(stalled, late, first_byte_timeout_s=0.2, health_interval_s=0.05) as pool:
        waiting = asyncio.create_task(by(pool, chat("m", body=STREAM)))
        await asyncio.sleep(0.6)
        assert not waiting.done()
        late.well = True
        assert await asyncio.wait_for(waiting, 20) == late.name


@pytest.mark.parametrize("body", [STREAM, b"{}"])
async def test_silence_at_the_only_engine_is_a_time_out_that_leaves_it_in_use(body: bytes) -> None:
    stalled = Engine("m")
    stalled.silent = True
    async with pool_of(stalled, read_timeout_s=0.2, breaker_failures=1) as pool:
        for _ in range(2):
            with pytest.raises(EngineTimeoutError):
                await pool.send(chat("m", body=body))
        stalled.silent = False
        assert await by(pool, chat("m")) == stalled.name
    assert stalled.asked == 3


async def test_engines_that_are_at_work_are_not_left_alone_for_a_time_out() -> None:
    engines = (Engine("m"), Engine("m"))
    async with pool_of(*engines, first_byte_timeout_s=1.0, breaker_failures=1) as pool:

        async def at_both() -> bool:
            # At once, for then both get some of them.
            asked = await asyncio.gather(*(by(pool, chat("m", body=STREAM)) for _ in range(4)))
            return set(asked) == {engine.name for engine in engines}

        waiting = asyncio.create_task(pool.send(chat("m", body=LONG)))
        while not waiting.done():
            assert await at_both()
            await asyncio.sleep(0.1)
        with pytest.raises(EngineTimeoutError):
            await waiting
        assert await at_both()


async def test_one_that_answers_nobody_is_left_alone_where_there_is_another() -> None:
    stalled, good = Engine("m"), Engine("m")
    stalled.silent = True
    async with pool_of(stalled, good, first_byte_timeout_s=0.2, breaker_failures=1, breaker_open_s=60) as pool:
        assert {await by(pool, chat("m", body=STREAM)) for _ in range(8)} == {good.name}
    assert stalled.asked == 1
