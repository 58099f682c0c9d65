"""Rates of keys: in memory, in a Redis that several share, and without it when it fails."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fakes.keys import entry
from fakes.redis_servers import RedisServer, impostor
from semtoken_server.access import rates as rates_module
from semtoken_server.access.keys import ApiKey
from semtoken_server.access.rates import PAUSE_S, Rates
from semtoken_server.errors import PromptTooLargeError, RequestRateError, RetryLaterError, TokenRateError

KEY = ApiKey(**entry("k", requests_per_minute=3, tokens_per_minute=1_000))


@asynccontextmanager
async def counted(url: str | None = None, clock: Callable[[], float] = time.monotonic) -> AsyncIterator[Rates]:
    rates = Rates(url, clock=clock)
    try:
        yield rates
    finally:
        await rates.close()


async def how_many(once: Callable[[], Awaitable[None]]) -> tuple[int, RetryLaterError]:
    for number in range(100):
        try:
            await once()
        except RetryLaterError as error:
            return number, error
    raise AssertionError("there is no limit")


async def test_requests_of_a_minute() -> None:
    async with counted() as rates:
        done, error = await how_many(lambda: rates.count_request(KEY))
        assert done == 3
        assert isinstance(error, RequestRateError)
        assert 1 <= error.retry_after_s <= 60
        other = KEY.model_copy(update={"name": "other"})
        await rates.count_request(other)


async def test_tokens_of_a_minute() -> None:
    async with counted() as rates:
        done, error = await how_many(lambda: rates.count_tokens(KEY, 300))
        assert done == 3
        assert isinstance(error, TokenRateError)
        assert 1 <= error.retry_after_s <= 60
        # What was refused was not counted.
        await rates.count_tokens(KEY, 100)


async def test_what_no_minute_has_room_for() -> None:
    async with counted() as rates:
        with pytest.raises(PromptTooLargeError):
            await rates.count_tokens(KEY, 1_001)


async def test_who_has_no_limit_is_not_counted() -> None:
    free = ApiKey(**entry("k"))
    async with counted() as rates:
        for _ in range(200):
            await rates.count_request(free)
            await rates.count_tokens(free, 10**9)


def test_a_million_tokens_are_two_numbers() -> None:
    """A moving window would hold an entry for each."""
    assert rates_module._Windows.__annotations__["tokens"] == "RateLimiter"
    assert type(Rates()._own.tokens).__name__ == "SlidingWindowCounterRateLimiter"


@pytest.mark.skipif(not RedisServer.installed(), reason="redis-server is not installed")
async def test_several_processes_count_together(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.start()
    try:
        async with counted(server.url) as one, counted(server.url) as other:
            await one.count_request(KEY)
            await one.count_tokens(KEY, 600)
            done, _ = await how_many(lambda: other.count_request(KEY))
            assert done == 2
            with pytest.raises(TokenRateError):
                await other.count_tokens(KEY, 600)
    finally:
        server.stop()


@pytest.mark.skipif(not RedisServer.installed(), reason="redis-server is not installed")
async def test_without_the_redis_each_counts_for_itself_and_then_together_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = 0.0
    server = RedisServer(tmp_path)
    server.start()
    async with counted(server.url, lambda: now) as rates:
        await rates.count_request(KEY)
        server.stop()
        done, _ = await how_many(lambda: rates.count_request(KEY))
        assert done == 3
        assert caplog.text.count("rates are counted by each process") == 1
        now += PAUSE_S
        server.start()
        try:
            done, _ = await how_many(lambda: rates.count_request(KEY))
            assert done == 3
        finally:
            server.stop()


async def test_a_redis_that_says_nothing_holds_nobody_up() -> None:
    with impostor(None) as (url, _):
        began = time.monotonic()
        async with counted(url) as rates:
            done, _ = await how_many(lambda: rates.count_request(KEY))
        assert done == 3
        assert time.monotonic() - began < 30
