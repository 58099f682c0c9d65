"""What a cache asks of a store, what it tells its observer, and two stores as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

CacheEvent = Literal["hit", "shared_hit", "miss", "corrupt", "evicted", "rejected", "error"]
"""Values found in memory, found in a shared store, in neither; found but not what was put there; thrown
out of memory for want of room, too large for it; calls that a shared store did not answer."""

Observer = Callable[[CacheEvent, int], None]
"""Told what happened and how often; from any thread."""


def ignore(_event: CacheEvent, _count: int) -> None:
    """The observer of who wants to know nothing."""


@dataclass(frozen=True, slots=True)
class Key:
    """Where a value lies, and what proves that it is the one that was put there."""

    name: bytes
    seal: bytes = field(repr=False, compare=False)
    """Made of the same things as ``name``, but never given to a store outside this process."""


class ByteStore(Protocol):
    """Keeps values for a while; every value may be gone at any time. No method raises; threads may share it."""

    def get_many(self, keys: Sequence[Key]) -> list[bytes | None]:
        """The value of each key, or None."""
        ...

    def put_many(self, values: Mapping[Key, bytes]) -> None:
        """Keep values, as far as there is room."""
        ...


class TieredStore:
    """A near store before a far one: what is found in the far one is kept in the near one too."""

    def __init__(self, near: ByteStore, far: ByteStore) -> None:
        self._near = near
        self._far = far

    def get_many(self, keys: Sequence[Key]) -> list[bytes | None]:
        """The value of each key, or None where neither store has it."""
        values = self._near.get_many(keys)
        absent = [place for place, value in enumerate(values) if value is None]
        if not absent:
            return values
        fetched = self._far.get_many([keys[place] for place in absent])
        for place, value in zip(absent, fetched, strict=True):
            values[place] = value
        self._near.put_many({keys[place]: value for place in absent if (value := values[place]) is not None})
        return values

    def put_many(self, values: Mapping[Key, bytes]) -> None:
        """Keep values in both."""
        self._near.put_many(values)
        self._far.put_many(values)
