"""The collaborators of one gateway process, and how they come up together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.requests import Request

from semtoken_server.access.access import Access
from semtoken_server.compression.backend import CompressorBackend
from semtoken_server.compression.service import CompressionService
from semtoken_server.engine_checks.embeds import EmbedsCheck
from semtoken_server.engine_checks.tokenizer import TokenizerCheck
from semtoken_server.engine_checks.tokens import TokensCheck
from semtoken_server.engines.base import Engine
from semtoken_server.engines.models import served_model
from semtoken_server.errors import EngineError
from semtoken_server.families import FAMILIES
from semtoken_server.lifecycle.state import Lifecycle
from semtoken_server.metrics import Metrics
from semtoken_server.options import OptionsOf
from semtoken_server.quality.contract import QualityContract
from semtoken_server.settings import Settings, shared_compressor_socket
from semtoken_server.token_chats.sender import TokenChats
from semtoken_server.tracing.base import NO_TRACING, Tracing

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gateway:
    """What a request is served with."""

    settings: Settings
    engine: Engine
    backend: CompressorBackend
    check: TokenizerCheck
    compression: CompressionService
    token_chats: TokenChats
    metrics: Metrics
    access: Access
    compress_options: OptionsOf
    options: Mapping[str, OptionsOf]
    """Of each compressed route, by its path."""
    quality: QualityContract
    warmed: Callable[[], None]
    """Called once the compressor is loaded, or has failed to."""
    tracing: Tracing = NO_TRACING
    lifecycle: Lifecycle = field(default_factory=Lifecycle)

    @classmethod
    def assemble(
        cls,
        settings: Settings,
        engine: Engine,
        backend: CompressorBackend,
        metrics: Metrics,
        *,
        quality: QualityContract | None = None,
        tracing: Tracing = NO_TRACING,
        warmed: Callable[[], None] = lambda: None,
    ) -> Gateway:
        """A gateway around an engine and a compressor, not started; ``quality`` by default as the settings say.

        Raises ``InvalidKeysError`` for a file of keys that is wrong.
        """
        check = TokenizerCheck(engine, backend)
        tokens = TokensCheck(engine, backend)
        realisable = {"embeds": EmbedsCheck(engine, backend), "tokens": tokens}
        compression = CompressionService(backend, check, realisable, metrics, timeout_s=settings.compress_timeout_s)
        socket = shared_compressor_socket()
        shared = None if socket is None else socket.with_name("quality.json")
        return cls(
            settings,
            engine,
            backend,
            check,
            compression,
            TokenChats(engine, tokens),
            metrics,
            Access.build(settings, backend, metrics),
            **_options(settings),
            quality=quality or QualityContract(settings, engine, metrics, shared=shared),
            warmed=warmed,
            tracing=tracing,
        )

    def reconfigured(self, settings: Settings) -> Gateway:
        """This gateway with other settings for the requests that come from now on, of those in ``reload.LIVE``."""
        self.compression.timeout_s = settings.compress_timeout_s
        self.access.reconfigure(settings)
        self.quality.reconfigure(settings)
        return replace(self, settings=settings, **_options(settings))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start everything; the compressor and the tokenizer check come up while requests are served already."""
        await self.engine.start()
        warming = asyncio.create_task(self._warm_up())
        try:
            async with self.access.running(), self.quality.running():
                yield
        finally:
            warming.cancel()
            await asyncio.gather(warming, return_exceptions=True)
            await self.backend.close()
            await self.engine.close()
            await self.tracing.close()

    def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Whether requests are best sent here now, and the state of each part.

        A gateway that cannot compress is ready all the same: it forwards and says so. One that is
        about to is not.
        """
        state, verdict = self.backend.state, self.check.verdict()
        starting = state.phase in ("waiting", "loading") or (state.phase == "ready" and verdict.state == "pending")
        draining = self.lifecycle.draining
        ready = any(self.engine.health.values()) and not starting and not draining
        return ready, {
            "status": "draining" if draining else "ready" if ready else "not ready",
            "engine": {name: "up" if healthy else "down" for name, healthy in self.engine.health.items()},
            "encoder": _told(state.phase, state.detail),
            "tokenizer": _told(verdict.state, verdict.detail),
            **({"quality": measured} if (measured := self.quality.states()) else {}),
        }

    async def _warm_up(self) -> None:
        await self.backend.start(await self._tokenizer())
        self.warmed()
        state = self.backend.state
        if state.phase == "ready":
            await self.check.run()

    async def _tokenizer(self) -> str:
        """The tokenizer of the settings, else the one of the model that the engine serves, once it is up."""
        source = self.settings.tokenizer or self.settings.model
        while source is None:
            if not any(self.engine.health.values()):
                await self.engine.wait_for_change()
            try:
                source = (await served_model(self.engine)).root
            except EngineError as error:
                logger.warning("the engine does not tell its model: %s", error)
                await asyncio.sleep(self.settings.engine_health_interval_s)
        return source


def gateway_of(request: Request) -> Gateway:
    """The gateway that serves a request."""
    gateway: Gateway = request.app.state.gateway
    return gateway


def _options(settings: Settings) -> dict[str, Any]:
    """The fields of a gateway that follow from the compression that is set."""
    defaults = settings.compression.model_dump()
    return {
        "compress_options": OptionsOf(defaults),
        "options": {family.path: family.options(defaults) for family in FAMILIES},
    }


def _told(state: str, detail: str) -> str:
    return f"{state}: {detail}" if detail else state
