"""A gateway from settings, for the command line and for uvicorn's worker processes."""

from __future__ import annotations

import atexit
import gc

from fastapi import FastAPI

from semtoken_server.app import create_app
from semtoken_server.compression.build import build_compressor
from semtoken_server.engines.policy import Policy
from semtoken_server.engines.pool import EnginePool
from semtoken_server.metrics import Metrics
from semtoken_server.settings import Settings, shared_metrics_dir
from semtoken_server.tracing.build import build_tracing


def build_app(settings: Settings) -> FastAPI:
    """The gateway that ``settings`` describe; ``engine_urls`` must not be empty."""
    metrics = Metrics(shared_metrics_dir())
    engine = EnginePool(
        settings.engine_urls,
        metrics,
        Policy.of(settings),
        api_key=settings.engine_api_key.get_secret_value() if settings.engine_api_key else None,
    )
    return create_app(
        settings,
        engine=engine,
        compressor=build_compressor(settings, metrics),
        metrics=metrics,
        tracing=build_tracing(settings),
        warmed=_spare_the_collector,
    )


def _spare_the_collector() -> None:
    """Leave what is loaded out of every later garbage collection: a million objects of PyTorch and the models.

    It is a sixth of what forwarding a request costs.
    """
    gc.collect()
    gc.freeze()
    # What is frozen when the interpreter ends looks to native modules like leaked, and they say so at length.
    atexit.register(gc.unfreeze)


def worker() -> FastAPI:
    """The gateway of a worker process, with the settings that its parent exported.

    For ``uvicorn --factory semtoken_server.asgi:worker``.
    """
    return build_app(Settings.imported())
