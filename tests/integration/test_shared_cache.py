"""A real Redis that two gateways' encoders share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from fakes.redis_servers import RedisServer
from fakes.stores import Events
from fakes.texts import document
from fakes.tiny_models import make_encoder
from semtoken.caching import MemoryStore, TieredStore, WindowCache
from semtoken.caching.shared import PREFIX, SEAL_BYTES, RedisStore
from semtoken.datamodels import Encoding
from semtoken.encoders import EncoderInput
from semtoken.encoders.transformer import TransformerEncoder
from semtoken.segment import segment

TEXT = document(40)
INPUT = [EncoderInput(TEXT, segment(TEXT).starts)]
TTL_S = 600


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    if not RedisServer.installed():
        pytest.skip("redis-server is missing (Debian package redis-server)")
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def gateway(redis: RedisServer, events: Events, clock: Clock | None = None) -> TransformerEncoder:
    """An encoder with a memory of its own before the Redis."""
    # A busy machine may take its time.
    store = RedisStore.from_url(redis.url, ttl_s=TTL_S, observe=events, clock=clock or Clock(), timeout_s=20)
    return make_encoder(WindowCache(TieredStore(MemoryStore(2**24, events), store), events))


def bits(encodings: list[Encoding]) -> list[bytes]:
    return [getattr(encoding, name).tobytes() for encoding in encodings for name in Encoding.__slots__]


def stored(redis: RedisServer) -> dict[bytes, bytes]:
    names = cast("list[bytes]", redis.client.keys())
    return {name: cast("bytes", redis.client.get(name)) for name in names}


def test_what_one_gateway_encoded_another_finds_and_keeps(redis: RedisServer) -> None:
    events = Events()
    wanted = bits(make_encoder().encode(INPUT))
    assert bits(gateway(redis, events).encode(INPUT)) == wanted
    windows = events.taken()["miss"]
    other = gateway(redis, events)
    assert bits(other.encode(INPUT)) == wanted
    assert events.taken() == {"shared_hit": windows}
    assert bits(other.encode(INPUT)) == wanted
    assert events.taken() == {"hit": windows}


def test_values_go_by_themselves_and_hold_nothing_of_the_text(redis: RedisServer) -> None:
    [encoding] = gateway(redis, Events()).encode(INPUT)
    values = stored(redis)
    assert values
    for name, value in values.items():
        assert name.startswith(PREFIX)
        assert 0 < redis.client.ttl(name) <= TTL_S
        for word in (b"Dilara", b"dilara", b"bridge", b"7316"):
            assert word not in value
            assert word not in name
        assert encoding.token_ids[:3].tobytes() not in value
    assert sum(len(value) - SEAL_BYTES - 10 for value in values.values()) == 4 * encoding.vectors.size


def test_values_that_were_changed_or_swapped_in_the_redis_are_not_taken(redis: RedisServer) -> None:
    events = Events()
    wanted = bits(gateway(redis, events).encode(INPUT))
    sound = stored(redis)
    names = sorted(sound)
    flipped = {name: value[:-1] + bytes([value[-1] ^ 1]) for name, value in sound.items()}
    swapped = {name: sound[names[place - 1]] for place, name in enumerate(names)}
    for damaged in (flipped, swapped, dict.fromkeys(names, b""), dict.fromkeys(names, bytes(1_000_000))):
        for name, value in damaged.items():
            redis.client.set(name, value)
        events.taken()
        assert bits(gateway(redis, events).encode(INPUT)) == wanted
        assert events.taken() == {"corrupt": len(names), "miss": len(names)}
        assert stored(redis) == sound


def test_a_key_that_holds_something_else_altogether_is_a_miss(redis: RedisServer) -> None:
    events = Events()
    wanted = bits(gateway(redis, events).encode(INPUT))
    for name in stored(redis):
        redis.client.delete(name)
        redis.client.lpush(name, "a list")
    events.taken()
    assert bits(gateway(redis, events).encode(INPUT)) == wanted
    assert events.taken().keys() == {"miss"}


def test_a_redis_that_goes_and_comes_back(redis: RedisServer) -> None:
    events, clock = Events(), Clock()
    encoder = gateway(redis, events, clock)
    encoder.encode(INPUT)
    redis.stop()
    events.taken()
    text = document(30, needle=False) + " More."
    fresh = [EncoderInput(text, segment(text).starts)]
    wanted = bits(make_encoder().encode(fresh))
    assert bits(encoder.encode(fresh)) == wanted
    told = events.taken()
    assert told["error"] == 1
    redis.start()
    clock.now += 60
    events.taken()
    assert bits(gateway(redis, events).encode(fresh)) == wanted
    assert events.taken().keys() == {"miss"}
    assert bits(encoder.encode(INPUT)) == bits(make_encoder().encode(INPUT))
    assert events.taken().keys() == {"hit"}


def test_a_redis_without_room_is_told_and_does_no_harm(redis: RedisServer) -> None:
    redis.client.config_set("maxmemory", "1")
    redis.client.config_set("maxmemory-policy", "noeviction")
    events = Events()
    assert bits(gateway(redis, events).encode(INPUT)) == bits(make_encoder().encode(INPUT))
    assert events.taken()["error"] == 1
