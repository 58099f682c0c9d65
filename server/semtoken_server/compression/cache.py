"""The cache of encoder vectors that the settings ask for."""

from __future__ import annotations

from semtoken.caching import ByteStore, MemoryStore, Observer, TieredStore, WindowCache

from semtoken_server.settings import Settings


def build_cache(settings: Settings, observe: Observer) -> WindowCache | None:
    """A cache in memory, in Redis, or in both; None where neither is wanted."""
    memory = MemoryStore(settings.cache_bytes, observe) if settings.cache_bytes else None
    shared = _shared(settings, observe)
    if memory is not None and shared is not None:
        return WindowCache(TieredStore(memory, shared), observe)
    store = memory or shared
    return None if store is None else WindowCache(store, observe)


def _shared(settings: Settings, observe: Observer) -> ByteStore | None:
    if settings.cache_redis_url is None:
        return None
    from semtoken.caching.shared import RedisStore  # noqa: PLC0415 - an extra, which the settings looked for

    url = settings.cache_redis_url.get_secret_value()
    return RedisStore.from_url(url, ttl_s=settings.cache_redis_ttl_s, observe=observe)
