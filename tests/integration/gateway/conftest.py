"""A gateway on a real socket before an engine without a model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fakes.engine import FakeEngine
from gateway_bench import Bench, Start, serve, whole_library
from semtoken_server.app import create_app
from semtoken_server.compression.library import CompressorLike
from semtoken_server.compression.thread import ThreadCompressor
from semtoken_server.engines.http import HttpEngine
from semtoken_server.metrics import Metrics
from semtoken_server.settings import Settings


@pytest.fixture
def start() -> Start:
    """Start a gateway: ``load`` gives its compressor, all else are settings."""

    @asynccontextmanager
    async def begin(
        load: Callable[[str], CompressorLike] = whole_library, *, engine: FakeEngine | None = None, **overrides: Any
    ) -> AsyncIterator[Bench]:
        fake = engine or FakeEngine()
        async with fake.server() as upstream:
            url = str(upstream.make_url("")).rstrip("/")
            overrides.setdefault("compression", {"min_tokens": 64})
            settings = Settings.load(engine_urls=[url], tokenizer="small", engine_health_interval_s=0.1, **overrides)
            metrics = Metrics()
            http = HttpEngine(
                settings.engine_urls,
                metrics,
                api_key=settings.engine_api_key.get_secret_value() if settings.engine_api_key else None,
                connect_timeout_s=settings.engine_connect_timeout_s,
                read_timeout_s=settings.engine_read_timeout_s,
                health_interval_s=settings.engine_health_interval_s,
            )
            backend = ThreadCompressor(load, max_queue=settings.compress_queue)
            app = create_app(settings, engine=http, compressor=backend, metrics=metrics)
            async with (
                serve(app) as gateway,
                httpx.AsyncClient(base_url=gateway, timeout=30, trust_env=False) as client,
            ):
                await _settled(client)
                yield Bench(client, fake, gateway)

    return begin


async def _settled(client: httpx.AsyncClient) -> None:
    """Wait until the compressor is loaded or has failed, and the tokenizers have been compared."""
    for _ in range(300):
        told = (await client.get("/health/ready")).json()
        if not told["encoder"].startswith(("loading", "waiting")) and (
            not told["tokenizer"].startswith("pending") or not told["encoder"].startswith("ready")
        ):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"the gateway does not settle: {told}")


@pytest.fixture
async def bench(start: Start) -> AsyncIterator[Bench]:
    async with start() as running:
        yield running
