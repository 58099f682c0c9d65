"""Values in a Redis that several gateways share; needs the extra ``redis``."""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from semtoken.caching.base import Key, Observer, ignore
from semtoken.errors import InvalidOptionError

TIMEOUT_S = 0.25
"""Seconds to connect, and of silence: an encoder on a CPU does a text of a thousand tokens in them."""
PAUSE_S = 5.0
"""Seconds without a try after a failure, so that a Redis that is down costs hardly anything."""
PREFIX = b"semtoken:"
SEAL_BYTES = 16

_FAILURES = (RedisError, OSError, ValueError, TypeError, AttributeError, RecursionError)
"""The last four are what the client raises when whatever answers does not keep to the protocol."""


class RedisStore:
    """Keeps values for ``ttl_s`` seconds in a Redis; where that fails every value is missing.

    A value is sealed with what its key was made of: one that was damaged, swapped or made up by who
    does not know the text is not taken.
    """

    def __init__(
        self,
        client: Redis,
        *,
        ttl_s: int,
        observe: Observer = ignore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._ttl_s = ttl_s
        self._observe = observe
        self._clock = clock
        self._lock = threading.Lock()
        self._failing = False
        self._next_try = 0.0

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        ttl_s: int,
        observe: Observer = ignore,
        clock: Callable[[], float] = time.monotonic,
        timeout_s: float = TIMEOUT_S,
    ) -> RedisStore:
        """A store at ``redis://``, ``rediss://`` or ``unix://``; connects when it is first used.

        ``timeout_s`` is how long it may take to connect, and to say nothing. Raises ``InvalidOptionError``
        for another kind of URL; the message does not repeat it, for it may hold a password.
        """
        try:
            client = Redis.from_url(
                url,
                protocol=2,  # the one that every Redis speaks, and that wants no answer before it starts
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError as error:
            raise InvalidOptionError("not the URL of a Redis", param="url") from error
        return cls(client, ttl_s=ttl_s, observe=observe, clock=clock)

    def get_many(self, keys: Sequence[Key]) -> list[bytes | None]:
        """The value of each key, or None."""
        nothing: list[bytes | None] = [None] * len(keys)
        answer = self._ask(lambda: self._client.mget([PREFIX + key.name for key in keys])) if keys else None
        if answer is None:
            return nothing
        if not isinstance(answer, list) or len(answer) != len(keys):
            self._fail()
            return nothing
        values = [_opened(key, sealed) for key, sealed in zip(keys, answer, strict=True)]
        hits = sum(value is not None for value in values)
        refused = sum(sealed is not None for sealed in answer) - hits
        if hits:
            self._observe("shared_hit", hits)
        if refused:
            self._observe("corrupt", refused)
        return values

    def put_many(self, values: Mapping[Key, bytes]) -> None:
        """Keep values, if the Redis takes them."""
        if not values:
            return

        def put() -> object:
            with self._client.pipeline(transaction=False) as pipeline:
                for key, value in values.items():
                    pipeline.set(PREFIX + key.name, _seal(key, value) + value, ex=self._ttl_s)
                return pipeline.execute()

        self._ask(put)

    def _ask(self, call: Callable[[], object]) -> object | None:
        """What the Redis answers, or None where it does not or is not asked."""
        if not self._may_try():
            return None
        try:
            answer = call()
        except _FAILURES:
            self._fail()
            return None
        with self._lock:
            self._failing = False
        return answer

    def _may_try(self) -> bool:
        """Whether to ask; of the threads that come when a pause is over, one tries for all."""
        now = self._clock()
        with self._lock:
            if self._failing:
                if now < self._next_try:
                    return False
                self._next_try = now + PAUSE_S
        return True

    def _fail(self) -> None:
        with self._lock:
            self._failing = True
            self._next_try = self._clock() + PAUSE_S
        self._observe("error", 1)


def _seal(key: Key, value: bytes) -> bytes:
    return hmac.digest(key.seal, value, "sha256")[:SEAL_BYTES]


def _opened(key: Key, sealed: object) -> bytes | None:
    if not isinstance(sealed, bytes) or len(sealed) < SEAL_BYTES:
        return None
    value = sealed[SEAL_BYTES:]
    return value if hmac.compare_digest(sealed[:SEAL_BYTES], _seal(key, value)) else None
