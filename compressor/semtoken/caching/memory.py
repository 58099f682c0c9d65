"""Values in this process's memory, bounded in bytes."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from cachetools import LRUCache

from semtoken.caching.base import Key, Observer, ignore

ENTRY_BYTES = 320
"""What an entry takes beside its value: key and bookkeeping, 264 bytes measured, and what malloc rounds up."""

LARGEST = 4
"""A value may take a quarter of the whole: a single one must not throw out everything else."""


class MemoryStore:
    """Keeps up to ``max_bytes``, and throws out what was longest not used."""

    def __init__(self, max_bytes: int, observe: Observer = ignore) -> None:
        if max_bytes <= 0:
            raise ValueError(f"max_bytes must be over 0, got {max_bytes}")
        self._values: LRUCache[bytes, bytes] = LRUCache(max_bytes, getsizeof=_size)
        self._observe = observe
        self._lock = threading.Lock()

    @property
    def size_bytes(self) -> int:
        """What is kept now, keys and bookkeeping included."""
        with self._lock:
            return int(self._values.currsize)

    def get_many(self, keys: Sequence[Key]) -> list[bytes | None]:
        """The value of each key, or None."""
        with self._lock:
            found: list[bytes | None] = [self._values.get(key.name) for key in keys]
        hits = sum(value is not None for value in found)
        if hits:
            self._observe("hit", hits)
        return found

    def put_many(self, values: Mapping[Key, bytes]) -> None:
        """Keep values; one that is too large is left out."""
        evicted = rejected = 0
        with self._lock:
            for key, value in values.items():
                if _size(value) > self._values.maxsize // LARGEST:
                    rejected += 1
                    continue
                before = len(self._values) + (key.name not in self._values)
                self._values[key.name] = value
                evicted += before - len(self._values)
        if evicted:
            self._observe("evicted", evicted)
        if rejected:
            self._observe("rejected", rejected)


def _size(value: bytes) -> int:
    return len(value) + ENTRY_BYTES
