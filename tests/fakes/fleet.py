"""Engines as processes of their own, and a gateway in front of them in the test's event loop."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from semtoken_server.app import create_app
from semtoken_server.compression.thread import ThreadCompressor
from semtoken_server.engines.policy import Policy
from semtoken_server.engines.pool import EnginePool
from semtoken_server.metrics import Metrics
from semtoken_server.settings import CompressionDefaults, Settings

from fakes.compressors import sound
from fakes.encoders import small_tokenizer
from fakes.engine import FakeEngine
from fakes.processes import free_port
from fakes.serving import Served, client_of, serving, until_ready

PROGRAM = Path(__file__).with_name("engine_process.py")
# A tenth of the defaults, so that what takes seconds there takes a moment here.
QUICK: dict[str, Any] = {
    # Requests that begin alike are dealt out evenly all the same.
    "engine_load_factor": 1.0,
    "engine_health_interval_s": 0.2,
    "engine_health_timeout_s": 0.4,
    "engine_breaker_open_s": 1.0,
}


class RunningEngine:
    """One engine process that listens on the same port each time it is started."""

    def __init__(self, *arguments: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.name = f"127.0.0.1:{self.port}"
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Returns when it answers."""
        argv = [sys.executable, str(PROGRAM), "--port", str(self.port), *self._arguments]
        # It returns once the program is loaded; an asyncio child would end with this event loop.
        self._process = subprocess.Popen(argv)  # noqa: ASYNC220
        for _ in range(3000):
            try:
                await self.stats()
            except aiohttp.ClientError:
                await asyncio.sleep(0.02)
            else:
                return
        raise TimeoutError("the fake engine did not start")

    async def stats(self) -> dict[str, int]:
        """What it counts: ``received``, ``running`` and ``aborted`` generations."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/stats") as response:
            counted: dict[str, int] = await response.json()
            return counted

    async def until_running(self, count: int) -> None:
        """Wait until it is at so many generations."""
        for _ in range(1000):
            if (await self.stats())["running"] == count:
                return
            await asyncio.sleep(0.01)
        raise TimeoutError(f"{await self.stats()}")

    def send_signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """As the kernel does to who takes too much memory."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """It stays there and accepts connections, and does nothing."""
        self.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.send_signal(signal.SIGCONT)


@asynccontextmanager
async def engines(*arguments: tuple[str, ...]) -> AsyncIterator[list[RunningEngine]]:
    """One engine for each list of arguments, running."""
    made = [RunningEngine(*given) for given in arguments]
    try:
        await asyncio.gather(*(engine.start() for engine in made))
        yield made
    finally:
        for engine in made:
            engine.kill()


@asynccontextmanager
async def gateway_before(*urls: str, **given: Any) -> AsyncIterator[Served]:
    """A gateway that forwards to ``urls`` and is ready; ``given`` are settings."""
    off = CompressionDefaults(mode="off")
    settings = Settings.load(engine_urls=urls, tokenizer="fake", compression=off, **{**QUICK, **given})
    metrics = Metrics()
    pool = EnginePool(settings.engine_urls, metrics, Policy.of(settings))
    backend = ThreadCompressor(sound, max_queue=settings.compress_queue)
    app = create_app(settings, engine=pool, compressor=backend, metrics=metrics)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(app))
        client = await stack.enter_async_context(client_of(url))
        await until_ready(client)
        # The engines are processes: there is none here to look into.
        yield Served(url, FakeEngine(small_tokenizer()), client, backend, metrics, app)
