"""The gateway behind a real uvicorn on a loopback port, in the test's own event loop."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from semtoken_server.app import create_app
from semtoken_server.compression.thread import ThreadCompressor
from semtoken_server.engines.policy import Policy
from semtoken_server.engines.pool import EnginePool
from semtoken_server.gateway import Gateway
from semtoken_server.metrics import Metrics
from semtoken_server.quality.contract import QualityContract
from semtoken_server.settings import CompressionDefaults, Settings
from semtoken_server.tracing.base import NO_TRACING, Tracing

from fakes.compressors import Load, sound
from fakes.engine import FakeEngine

MIN_TOKENS = 64
ENGINE_KEY = "engine-key"


@dataclass(frozen=True, slots=True)
class Served:
    """A gateway that answers, and its engine."""

    url: str
    engine: FakeEngine
    client: httpx.AsyncClient
    backend: ThreadCompressor
    metrics: Metrics
    app: FastAPI

    @property
    def gateway(self) -> Gateway:
        """What serves requests now."""
        gateway: Gateway = self.app.state.gateway
        return gateway

    def reconfigure(self, **settings: Any) -> None:
        """What SIGHUP does where these settings have changed."""
        found = self.gateway.settings.model_copy(update=settings)
        self.app.state.gateway = self.gateway.reconfigured(found)

    async def post(self, path: str, body: Any = None, **arguments: Any) -> httpx.Response:
        """POST ``body`` as JSON, or as it is if it is bytes."""
        if isinstance(body, bytes):
            headers = {"content-type": "application/json", **arguments.pop("headers", {})}
            return await self.client.post(path, content=body, headers=headers, **arguments)
        return await self.client.post(path, json=body, **arguments)

    def metric(self, name: str, **labels: str) -> float:
        """The value of a sample; 0 where there is none yet."""
        exposition, _ = self.metrics.render("")
        for family in text_string_to_metric_families(exposition.decode()):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return float(sample.value)
        return 0.0


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """The app's URL while uvicorn serves it."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, lifespan="on", ws="none", access_log=False, log_config=None, timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve([listening]))
    while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn tells nobody
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listening.close()


@asynccontextmanager
async def gateway(
    engine: FakeEngine,
    load: Load = sound,
    *,
    min_tokens: int = MIN_TOKENS,
    draw: Callable[[], float] | None = None,
    clock: Callable[[], float] = time.monotonic,
    tracing: Tracing = NO_TRACING,
    others: Sequence[FakeEngine] = (),
    **given: Any,
) -> AsyncIterator[Served]:
    """A gateway in front of ``engine`` and ``others`` that is ready, whether it can compress or not.

    ``given`` are settings.
    """
    settings = Settings.load(
        engine_urls=tuple(each.url for each in (engine, *others)),
        tokenizer="fake",
        compression=CompressionDefaults(min_tokens=min_tokens),
        **given,
    )
    metrics = Metrics()
    policy = replace(Policy.of(settings), health_interval_s=0.05)
    http = EnginePool(settings.engine_urls, metrics, policy, api_key=ENGINE_KEY)
    backend = ThreadCompressor(load, max_queue=settings.compress_queue)
    quality = QualityContract(settings, http, metrics, draw=draw, clock=clock)
    app = create_app(settings, engine=http, compressor=backend, metrics=metrics, quality=quality, tracing=tracing)
    async with serving(app) as url, client_of(url) as client:
        await until_ready(client)
        yield Served(url, engine, client, backend, metrics, app)


def client_of(url: str) -> httpx.AsyncClient:
    """A client that knows no proxy."""
    return httpx.AsyncClient(base_url=url, timeout=120, trust_env=False)


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until the other side has caught up; at most ten seconds."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError("it never came to be")


async def until_ready(client: httpx.AsyncClient) -> None:
    """Wait until the gateway is ready; at most a minute, which loading a real encoder may take."""
    for _ in range(3000):
        if (await client.get("/health/ready")).status_code == 200:
            return
        await asyncio.sleep(0.02)
    raise TimeoutError((await client.get("/health/ready")).text)
