"""Requests and prompt tokens of a key in a minute."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter, RateLimiter, SlidingWindowCounterRateLimiter
from limits.errors import StorageError

from semtoken_server.access.keys import ApiKey
from semtoken_server.errors import PromptTooLargeError, RequestRateError, TokenRateError

logger = logging.getLogger(__name__)

TIMEOUT_S = 0.25
"""Seconds to connect to the Redis, and of its silence."""
PAUSE_S = 5.0
"""Seconds without a try after a failure."""


class _Pool(Protocol):
    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Windows:
    """A moving window holds an entry for every request of a minute. For every token that would be millions, so
    tokens have two counters, of this minute and the last."""

    requests: RateLimiter
    tokens: RateLimiter

    @classmethod
    def of(cls, storage: MemoryStorage | RedisStorage) -> _Windows:
        return cls(MovingWindowRateLimiter(storage), SlidingWindowCounterRateLimiter(storage))


class Rates:
    """Counts in this process, or together with others in the Redis at ``redis_url``.

    While that cannot be had every process counts for itself, and the log tells.
    """

    def __init__(self, redis_url: str | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._own = _Windows.of(MemoryStorage())
        self._pool: _Pool | None = None
        self._shared: _Windows | None = None
        self._clock = clock
        self._next_try = 0.0
        if redis_url is not None:
            self._shared, self._pool = _redis(redis_url)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._pool is not None:
            await self._pool.aclose()

    async def count_request(self, key: ApiKey) -> None:
        """One request more of ``key``; raises ``RequestRateError`` over its limit, and then does not count it."""
        if (limit := key.requests_per_minute) is None:
            return
        wait = await self._spend(lambda windows: windows.requests, RateLimitItemPerMinute(limit), "requests", key, 1)
        if wait is not None:
            raise RequestRateError(limit, wait)

    async def count_tokens(self, key: ApiKey, tokens: int) -> None:
        """So many prompt tokens more of ``key``; raises ``TokenRateError`` over its limit, and does not count them.

        Raises ``PromptTooLargeError`` where they are over the limit of a minute alone.
        """
        if (limit := key.tokens_per_minute) is None or not tokens:
            return
        if tokens > limit:
            raise PromptTooLargeError(limit, tokens)
        wait = await self._spend(lambda windows: windows.tokens, RateLimitItemPerMinute(limit), "tokens", key, tokens)
        if wait is not None:
            raise TokenRateError(limit, wait)

    async def _spend(
        self, limiter: Callable[[_Windows], RateLimiter], item: RateLimitItem, kind: str, key: ApiKey, cost: int
    ) -> float | None:
        """None when it was spent, else the seconds until something is free again."""
        if self._shared is not None and self._clock() >= self._next_try:
            try:
                return await _spent(limiter(self._shared), item, (kind, key.name), cost)
            except StorageError as error:
                self._next_try = self._clock() + PAUSE_S
                logger.warning("rates are counted by each process: %s", type(error.storage_error).__name__)
        return await _spent(limiter(self._own), item, (kind, key.name), cost)


async def _spent(limiter: RateLimiter, item: RateLimitItem, names: tuple[str, str], cost: int) -> float | None:
    if await limiter.hit(item, *names, cost=cost):
        return None
    stats = await limiter.get_window_stats(item, *names)
    return stats.reset_time - time.time()


def _redis(url: str) -> tuple[_Windows, _Pool]:
    from redis.asyncio import ConnectionPool  # noqa: PLC0415 - an extra, which the settings looked for

    pool = ConnectionPool.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
    scheme = "redis+unix" if url.startswith("unix:") else url.split(":", 1)[0]
    storage = RedisStorage(
        f"async+{scheme}:{url.split(':', 1)[1]}",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix="semtoken-rates",
        connection_pool=pool,  # type: ignore[arg-type]
    )
    return _Windows.of(storage), pool
