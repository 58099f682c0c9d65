"""Whether the engines take a realisation, asked of every engine process once, when it is first wanted of it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import orjson
from semtoken import InvalidOptionError

from semtoken_server.compression.backend import CompressorBackend
from semtoken_server.engine_checks.serving import serving
from semtoken_server.engines.base import Engine, EngineRequest
from semtoken_server.engines.models import served_model
from semtoken_server.errors import CompressionUnavailableError, EngineError

LOCAL_TIMEOUT_S = 60.0


class RealisableCheck(ABC):
    """A subclass says how one engine is asked; this remembers what it found, until another process answers there."""

    realise: ClassVar[str]
    unasked: ClassVar[str]
    """The reason of requests that an engine could not be asked about."""

    def __init__(self, engine: Engine, backend: CompressorBackend) -> None:
        self._engine = engine
        self._backend = backend
        self._asking = asyncio.Lock()
        self._faults: dict[str, tuple[int, str]] = {}
        """By engine, its epoch when it was asked and what is wrong with it, or nothing."""

    async def require(self, model: str | None) -> None:
        """Return if every healthy engine that serves ``model`` may be sent this realisation.

        Raises ``InvalidOptionError`` if one may not, and ``CompressionUnavailableError`` when it cannot be told.
        """
        async with self._asking:
            for name in serving(self._engine, model):
                epoch = self._engine.epoch[name]
                if self._faults.get(name, (None, ""))[0] != epoch:
                    self._faults[name] = (epoch, await self._asked(name))
                if fault := self._faults[name][1]:
                    raise InvalidOptionError(f"realise: {self.realise!r} is not possible: {fault}", param="realise")

    @abstractmethod
    async def fault(self, name: str, model: str) -> str:
        """What is wrong with an engine that serves ``model``, or nothing.

        Raises ``EngineError`` and ``CompressionUnavailableError`` where that cannot be told.
        """

    async def ask(self, name: str, path: str, body: Mapping[str, Any]) -> tuple[int, bytes]:
        """Status and body of an engine's answer; raises ``EngineError``."""
        headers = {"content-type": "application/json"}
        response = await self._engine.send(EngineRequest("POST", path, orjson.dumps(body), headers), endpoint=name)
        return response.status, await response.read()

    def unchecked(self, name: str, why: object) -> CompressionUnavailableError:
        """The error for an engine that could not be asked."""
        return CompressionUnavailableError(self.unasked, f"{name}: {why}")

    async def _asked(self, name: str) -> str:
        try:
            return await self.fault(name, (await served_model(self._engine, name)).id)
        except EngineError as error:
            raise self.unchecked(name, error) from error
