"""Stores of a cache that can be looked into."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence

from semtoken.caching import CacheEvent, Key


class DictStore:
    """Keeps everything, in the open."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.asked: list[int] = []
        """How many keys each call of ``get_many`` was for."""

    def get_many(self, keys: Sequence[Key]) -> list[bytes | None]:
        self.asked.append(len(keys))
        return [self.values.get(key.name) for key in keys]

    def put_many(self, values: Mapping[Key, bytes]) -> None:
        self.values.update({key.name: value for key, value in values.items()})


class Events:
    """An observer that counts, from any thread."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, event: CacheEvent, count: int) -> None:
        with self._lock:
            self._counts[event] += count

    def taken(self) -> dict[str, int]:
        """What was counted since this was called last."""
        with self._lock:
            counts = dict(self._counts)
            self._counts.clear()
        return counts
