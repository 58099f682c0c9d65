"""Which context a model has, of what several engines tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fakes.encoders import small_tokenizer
from fakes.engine import FakeEngine
from fakes.serving import eventually
from semtoken_server.engines.policy import Policy
from semtoken_server.engines.pool import EnginePool
from semtoken_server.metrics import Metrics
from semtoken_server.window import context_of


@pytest.fixture
async def small() -> AsyncIterator[FakeEngine]:
    async with FakeEngine(small_tokenizer(), model="small", window=8192) as engine:
        yield engine


@pytest.fixture
async def big() -> AsyncIterator[FakeEngine]:
    async with FakeEngine(small_tokenizer(), model="big", window=131072) as engine:
        yield engine


@asynccontextmanager
async def pool_of(*engines: FakeEngine) -> AsyncIterator[EnginePool]:
    pool = EnginePool([engine.url for engine in engines], Metrics(), Policy(health_interval_s=0.02))
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


async def test_it_is_that_of_the_engines_that_list_the_model(small: FakeEngine, big: FakeEngine) -> None:
    async with pool_of(small, big) as pool:
        assert context_of(pool, "big") == 131072
        assert context_of(pool, "small") == 8192


async def test_where_no_engine_lists_it_any_may_get_the_request(small: FakeEngine, big: FakeEngine) -> None:
    async with pool_of(small, big) as pool:
        assert {context_of(pool, model) for model in (None, "", "unheard-of")} == {8192}


async def test_an_adapter_has_its_base_model_s(small: FakeEngine, big: FakeEngine) -> None:
    async with pool_of(big) as pool:
        assert context_of(pool, "adapter") == 131072
    async with pool_of(big, small) as pool:
        assert context_of(pool, "adapter") == 8192


async def test_a_replica_that_goes_and_comes_back_changes_nothing(small: FakeEngine, big: FakeEngine) -> None:
    big.model = "small"
    seen: set[int | None] = set()
    async with pool_of(small, big) as pool:
        for healthy in (False, True):
            small.healthy = healthy
            while pool.health[small.name] is not healthy:
                seen.add(context_of(pool, "small"))
                # Each turn of the loop, so that one between two readings would be seen as well.
                await asyncio.sleep(0)
            seen.add(context_of(pool, "small"))
    assert seen == {8192}


async def test_one_that_comes_back_with_another_context_is_believed(small: FakeEngine) -> None:
    async with pool_of(small) as pool:
        small.healthy = False
        await eventually(lambda: not pool.health[small.name])
        small.window, small.healthy = 2048, True
        await eventually(lambda: pool.health[small.name])
        assert context_of(pool, "small") == 2048
        small.healthy = small.lists = False
        await eventually(lambda: not pool.health[small.name])
        small.healthy = True
        await eventually(lambda: pool.health[small.name])
        assert context_of(pool, "small") is None


async def test_an_engine_that_does_not_tell_has_none(small: FakeEngine) -> None:
    small.window = None
    async with pool_of(small) as pool:
        assert context_of(pool, "small") is None
