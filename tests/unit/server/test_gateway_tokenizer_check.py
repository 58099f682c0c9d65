"""The comparison of tokenizers, and the way from start to ready."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from fakes.encoders import HashEncoder, bytes_tokenizer, small_tokenizer
from fakes.engine import MODEL, FakeEngine
from semtoken import Compressor
from semtoken_server.compression.thread import ThreadCompressor
from semtoken_server.engine_checks.tokenizer import TokenizerCheck
from semtoken_server.engines.policy import Policy
from semtoken_server.engines.pool import EnginePool
from semtoken_server.errors import CompressionUnavailableError
from semtoken_server.gateway import Gateway
from semtoken_server.metrics import Metrics
from semtoken_server.settings import Settings


@pytest.fixture
async def one() -> AsyncIterator[FakeEngine]:
    async with FakeEngine(small_tokenizer()) as engine:
        yield engine


@pytest.fixture
async def other() -> AsyncIterator[FakeEngine]:
    async with FakeEngine(bytes_tokenizer()) as engine:
        yield engine


@asynccontextmanager
async def checking(*engines: FakeEngine) -> AsyncIterator[TokenizerCheck]:
    """A check that runs."""
    http = EnginePool([engine.url for engine in engines], Metrics(), Policy(health_interval_s=0.05))
    backend = ThreadCompressor(lambda _: Compressor(HashEncoder(), small_tokenizer()), max_queue=4)
    await http.start()
    await backend.start("small")
    check = TokenizerCheck(http, backend, retry_s=0.05)
    running = asyncio.create_task(check.run())
    try:
        yield check
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await backend.close()
        await http.close()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError("it never came to be")


async def test_the_same_tokenizer_matches(one: FakeEngine) -> None:
    async with checking(one) as check:
        await until(lambda: check.verdict().state == "match")
        check.require_match(None)


async def test_another_tokenizer_does_not(other: FakeEngine) -> None:
    async with checking(other) as check:
        with pytest.raises(CompressionUnavailableError) as raised:
            check.require_match(None)
        assert raised.value.reason == "tokenizer_unchecked"
        await until(lambda: check.verdict().state == "mismatch")
        assert "tokens there" in check.verdict().detail
        with pytest.raises(CompressionUnavailableError) as raised:
            check.require_match(None)
        assert raised.value.reason == "tokenizer_mismatch"


async def test_one_wrong_engine_among_several_is_enough_until_it_is_gone(one: FakeEngine, other: FakeEngine) -> None:
    async with checking(one, other) as check:
        await until(lambda: check.verdict().state == "mismatch")
        other.healthy = False
        await until(lambda: check.verdict().state == "match")


async def test_an_engine_that_comes_back_is_asked_again(one: FakeEngine) -> None:
    async with checking(one) as check:
        await until(lambda: check.verdict().state == "match")
        one.healthy = False
        await until(lambda: check.verdict().state == "pending")
        one.tokenizer = bytes_tokenizer()
        one.healthy = True
        await until(lambda: check.verdict().state == "mismatch")


async def test_an_engine_that_does_not_tell_is_asked_until_it_does(one: FakeEngine) -> None:
    one.tokenize_status = 404
    async with checking(one) as check:
        await until(lambda: check.verdict().state == "unavailable")
        assert "404" in check.verdict().detail
        one.tokenize_status = 200
        await until(lambda: check.verdict().state == "match")


async def test_each_model_has_the_verdict_of_the_engines_that_serve_it(one: FakeEngine, other: FakeEngine) -> None:
    other.model = "foreign"
    async with checking(one, other) as check:
        await until(lambda: check.verdict().state == "mismatch")
        assert (check.verdict(MODEL).state, check.verdict("foreign").state) == ("match", "mismatch")
        check.require_match(MODEL)
        with pytest.raises(CompressionUnavailableError):
            check.require_match("foreign")
        # Both list it, nobody does, and none is named: any of them may get it.
        assert {check.verdict(model).state for model in ("adapter", "unheard-of", "", None)} == {"mismatch"}


async def test_an_engine_that_does_not_list_its_models_may_serve_any(one: FakeEngine, other: FakeEngine) -> None:
    other.lists = False
    async with checking(one, other) as check:
        await until(lambda: check.verdict(MODEL).state == "unavailable")
        other.healthy = False
        await until(lambda: check.verdict(MODEL).state == "match")


async def test_without_a_tokenizer_setting_the_engine_s_model_is_asked_for_once_it_is_up(one: FakeEngine) -> None:
    one.healthy = False
    asked: list[str] = []

    def load(tokenizer: str) -> Compressor:
        asked.append(tokenizer)
        return Compressor(HashEncoder(), small_tokenizer())

    metrics = Metrics()
    http = EnginePool([one.url], metrics, Policy(health_interval_s=0.05))
    settings = Settings.load(engine_urls=[one.url], engine_health_interval_s=0.05)
    gateway = Gateway.assemble(settings, http, ThreadCompressor(load, max_queue=1), metrics)
    async with gateway.running():
        ready, told = gateway.readiness()
        assert not ready
        assert told["engine"] == {one.url.removeprefix("http://"): "down"}
        assert told["encoder"].startswith("waiting")
        one.healthy = True
        await until(lambda: gateway.readiness()[0])
        assert asked == ["fake-root"]
        assert gateway.readiness()[1]["tokenizer"] == "match"


async def test_a_gateway_that_cannot_load_its_encoder_is_ready_and_says_so(one: FakeEngine) -> None:
    def load(_tokenizer: str) -> Compressor:
        raise OSError("no such disk")

    metrics = Metrics()
    http = EnginePool([one.url], metrics, Policy(health_interval_s=0.05))
    settings = Settings.load(engine_urls=[one.url], tokenizer="small")
    gateway = Gateway.assemble(settings, http, ThreadCompressor(load, max_queue=1), metrics)
    async with gateway.running():
        await until(lambda: gateway.readiness()[0])
        assert "no such disk" in gateway.readiness()[1]["encoder"]
