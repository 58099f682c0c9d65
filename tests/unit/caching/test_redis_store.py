"""A Redis that is not there, says nothing or nonsense: every value is missing, and nothing is slowed for long."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from fakes.redis_servers import impostor
from fakes.stores import Events
from redis import Redis
from semtoken import InvalidOptionError
from semtoken.caching import Key
from semtoken.caching.shared import PAUSE_S, RedisStore

KEYS = [Key(bytes([n]) * 32, bytes([n]) * 32) for n in range(3)]
VALUES = {key: bytes(100) for key in KEYS}
NOTHING = [None] * len(KEYS)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def closed_port() -> Iterator[str]:
    """A port that refuses connections as long as the test lasts."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"redis://127.0.0.1:{bound.getsockname()[1]}/0"


def test_a_redis_that_is_down_is_a_miss(closed_port: str) -> None:
    events = Events()
    store = RedisStore.from_url(closed_port, ttl_s=60, observe=events)
    store.put_many(VALUES)
    assert store.get_many(KEYS) == NOTHING
    assert events.taken() == {"error": 1}


def test_after_a_failure_nobody_asks_for_a_while(closed_port: str) -> None:
    events, clock = Events(), Clock()
    store = RedisStore.from_url(closed_port, ttl_s=60, observe=events, clock=clock)
    for seconds, errors in ((0.0, 1), (PAUSE_S - 0.1, 0), (0.2, 1), (0.2, 0), (PAUSE_S, 1)):
        clock.now += seconds
        for _ in range(10):
            assert store.get_many(KEYS) == NOTHING
        assert events.taken().get("error", 0) == errors


def test_a_redis_that_says_nothing_is_given_up() -> None:
    events = Events()
    with impostor(None) as (url, accepted):
        store = RedisStore.from_url(url, ttl_s=60, observe=events)
        for _ in range(20):
            assert store.get_many(KEYS) == NOTHING
    assert events.taken() == {"error": 1}
    assert len(accepted) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"*3\r\n$1\r\na\r\n$0\r\n\r\n:7\r\n",
        b"*3\r\n*1\r\n$1\r\na\r\n$5\r\nabcde\r\n+OK\r\n",
        b"*3\r\n$100\r\n" + bytes(100) + b"\r\n$-1\r\n$-1\r\n",
    ],
)
def test_values_that_nobody_put_there_are_not_taken(answer: bytes) -> None:
    events = Events()
    with impostor(answer) as (url, _):
        assert RedisStore.from_url(url, ttl_s=60, observe=events, timeout_s=20).get_many(KEYS) == NOTHING
    counted = events.taken()
    assert counted.keys() == {"corrupt"}
    assert 1 <= counted["corrupt"] <= 3


@pytest.mark.parametrize(
    "answer",
    [
        b"*1\r\n$1\r\na\r\n",
        b"*4\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n",
        b":3\r\n",
        b"$3\r\nabc\r\n",
        b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
        b"-NOAUTH Authentication required.\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"*3\r\n$999\r\nabc",
        b"\xff\xfe\x00\r\n",
        b"*1\r\n" * 5_000 + b"$1\r\na\r\n",
        b":x\r\n",
        b"$x\r\n",
    ],
)
def test_an_answer_that_is_none_is_a_failure(answer: bytes) -> None:
    events = Events()
    with impostor(answer) as (url, _):
        store = RedisStore.from_url(url, ttl_s=60, observe=events)
        assert store.get_many(KEYS) == NOTHING
        store.put_many(VALUES)
    assert events.taken() == {"error": 1}


def test_a_url_that_asks_for_text_does_no_harm() -> None:
    events = Events()
    with impostor(b"*3\r\n$2\r\n\xff\xfe\r\n$-1\r\n$-1\r\n") as (url, _):
        assert RedisStore.from_url(f"{url}?decode_responses=True", ttl_s=60, observe=events).get_many(KEYS) == NOTHING
    assert events.taken() == {"error": 1}


def test_asking_for_nothing_asks_nobody(closed_port: str) -> None:
    events = Events()
    store = RedisStore.from_url(closed_port, ttl_s=60, observe=events)
    assert store.get_many([]) == []
    store.put_many({})
    assert events.taken() == {}


def test_another_kind_of_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidOptionError) as raised:
        RedisStore.from_url("http://:hunter2@h", ttl_s=60)
    assert "hunter2" not in str(raised.value)


def test_the_client_is_told_to_be_quick() -> None:
    store = RedisStore.from_url("redis://h:1/0", ttl_s=60)
    client = store._client
    assert isinstance(client, Redis)
    told = client.connection_pool.connection_kwargs
    assert told["socket_timeout"] <= 0.5
    assert told["socket_connect_timeout"] <= 0.5
    assert told["retry"].get_retries() == 0
