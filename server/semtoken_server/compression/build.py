"""The one place that makes the library's compressor."""

from __future__ import annotations

from semtoken import Compressor, ServedTokenizer
from semtoken.bundled import bundled_models
from semtoken.encoders import load_encoder
from semtoken.realise import Embedder

from semtoken_server.compression.backend import CompressorBackend
from semtoken_server.compression.cache import build_cache
from semtoken_server.compression.shared.client import SharedCompressor
from semtoken_server.compression.thread import ThreadCompressor
from semtoken_server.metrics import Metrics
from semtoken_server.settings import Settings, shared_compressor_socket


def build_compressor(settings: Settings, metrics: Metrics) -> CompressorBackend:
    """The backend of one process of the gateway; models are loaded when it is started, not before."""
    socket = shared_compressor_socket()
    return build_thread_compressor(settings, metrics) if socket is None else SharedCompressor(socket)


def build_thread_compressor(settings: Settings, metrics: Metrics) -> ThreadCompressor:
    """A backend in this process."""
    path = settings.encoder or bundled_models().encoder

    def load(tokenizer: str) -> Compressor:
        encoder = load_encoder(
            path,
            device=settings.device,
            runtime=settings.encoder_runtime,
            gpu_memory_mib=settings.encoder_gpu_memory_mib,
            on_batch=metrics.encoder_batch_tokens.observe,
            cache=build_cache(settings, metrics.count_cache_event),
        )
        # The engine names its model's folder where that lies on this machine.
        embedder = Embedder(settings.model or tokenizer)
        return Compressor(encoder, ServedTokenizer.from_pretrained(tokenizer), embedder)

    return ThreadCompressor(load, max_queue=settings.compress_queue, threads=settings.compress_threads)
