"""A cache of encoder vectors: in this process's memory, in a Redis that several share, or in both.

It holds vectors, never text or token ids, under keys made of the encoder, the tenant and the tokens.
"""

from semtoken.caching.base import ByteStore, CacheEvent, Key, Observer, TieredStore, ignore
from semtoken.caching.memory import MemoryStore
from semtoken.caching.window_cache import Window, WindowCache

__all__ = [
    "ByteStore",
    "CacheEvent",
    "Key",
    "MemoryStore",
    "Observer",
    "TieredStore",
    "Window",
    "WindowCache",
    "ignore",
]
