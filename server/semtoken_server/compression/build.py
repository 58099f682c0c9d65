"""The one place that makes the library's compressor."""

from __future__ import annotations

from semtoken import Compressor
from semtoken.bundled import bundled_models
from semtoken.caching import Observer, ignore

from semtoken_server.compression.cache import build_cache
from semtoken_server.compression.thread import ThreadCompressor
from semtoken_server.settings import Settings


def build_compressor(settings: Settings, on_cache_event: Observer = ignore) -> ThreadCompressor:
    """A backend that loads its models when it is started, not before."""
    encoder = settings.encoder or bundled_models().encoder

    def load(tokenizer: str) -> Compressor:
        # The engine names its model's folder where that lies on this machine.
        model = settings.model or tokenizer
        cache = build_cache(settings, on_cache_event)
        return Compressor.from_pretrained(encoder, tokenizer, settings.device, model=model, cache=cache)

    return ThreadCompressor(load, max_queue=settings.compress_queue)
