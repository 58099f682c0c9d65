"""The one place that makes the library's compressor."""

from __future__ import annotations

from pathlib import Path

import semtoken
from semtoken.bundled import bundled_models
from semtoken.errors import ModelNotFoundError

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
    path = settings.encoder or str(bundled_models().encoder)

    def load(tokenizer: str) -> semtoken.Compressor:
        if Path(path).is_absolute() and not Path(path).is_dir():
            raise ModelNotFoundError(f"no encoder at {path!r}")
        # Named here first: only a process that compresses imports what takes seconds and half a gigabyte.
        return semtoken.Compressor.from_pretrained(
            path,
            tokenizer,
            device=settings.device,
            # The engine names its model's folder where that lies on this machine.
            model=settings.model or tokenizer,
            cache=build_cache(settings, metrics.count_cache_event),
            runtime=settings.encoder_runtime,
            gpu_memory_mib=settings.encoder_gpu_memory_mib,
            on_batch=metrics.encoder_batch_tokens.observe,
        )

    return ThreadCompressor(load, max_queue=settings.compress_queue, threads=settings.compress_threads)
