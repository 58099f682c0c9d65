"""Values in memory, and a near store before a far one."""

from __future__ import annotations

import pytest
from fakes.stores import DictStore, Events
from hypothesis import given
from hypothesis import strategies as st
from semtoken.caching import Key, MemoryStore, TieredStore
from semtoken.caching.memory import ENTRY_BYTES


def key(name: int) -> Key:
    return Key(name.to_bytes(4, "big"), b"")


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3000)), max_size=60))
def test_the_bound_holds_whatever_is_put(puts: list[tuple[int, int]]) -> None:
    events = Events()
    store = MemoryStore(8_000, events)
    for name, size in puts:
        store.put_many({key(name): bytes(size)})
        assert store.size_bytes <= 8_000
    kept = [value for value in store.get_many([key(n) for n in range(10)]) if value is not None]
    assert sum(len(value) + ENTRY_BYTES for value in kept) == store.size_bytes
    assert events.taken().get("hit", 0) == len(kept)


def test_what_was_longest_not_used_goes_first() -> None:
    events = Events()
    store = MemoryStore(4 * (1000 + ENTRY_BYTES), events)
    store.put_many({key(n): bytes(1000) for n in range(4)})
    store.get_many([key(0)])
    events.taken()
    store.put_many({key(4): bytes(1000), key(5): bytes(1000)})
    assert events.taken() == {"evicted": 2}
    assert [value is not None for value in store.get_many([key(n) for n in range(6)])] == [1, 0, 0, 1, 1, 1]


def test_one_value_may_not_throw_out_all_others() -> None:
    events = Events()
    store = MemoryStore(8_000, events)
    store.put_many({key(0): bytes(100), key(1): bytes(2001)})
    assert events.taken() == {"rejected": 1}
    assert store.get_many([key(0), key(1)]) == [bytes(100), None]


def test_a_value_put_again_takes_its_place_once() -> None:
    events = Events()
    store = MemoryStore(8_000, events)
    for _ in range(20):
        store.put_many({key(0): bytes(1000)})
    assert store.size_bytes == 1000 + ENTRY_BYTES
    assert events.taken() == {}


def test_no_room_at_all_is_no_store() -> None:
    with pytest.raises(ValueError, match="0"):
        MemoryStore(0)


def test_what_is_found_far_is_kept_near() -> None:
    near, far = DictStore(), DictStore()
    store = TieredStore(near, far)
    far.put_many({key(1): b"one"})
    near.put_many({key(2): b"two"})
    for _ in range(2):
        assert store.get_many([key(0), key(1), key(2)]) == [None, b"one", b"two"]
    assert near.values[key(1).name] == b"one"
    assert far.asked == [2, 1]
    store.put_many({key(3): b"three"})
    assert near.values[key(3).name] == far.values[key(3).name] == b"three"


def test_what_is_near_asks_nobody_far() -> None:
    near, far = DictStore(), DictStore()
    near.put_many({key(1): b"one"})
    assert TieredStore(near, far).get_many([key(1)]) == [b"one"]
    assert far.asked == []
