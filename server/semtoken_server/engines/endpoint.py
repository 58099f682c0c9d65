"""One engine address: what is known of it now, and who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from semtoken_server.engines.base import Windows
from semtoken_server.engines.breaker import Breaker
from semtoken_server.engines.waiting import Abandonable, Waiting
from semtoken_server.errors import EngineConnectionError, EngineError, EngineTimeoutError

LOST_AFTER = 2
"""Health checks without any answer after which an engine counts as gone: one may be bad luck."""


@dataclass(slots=True, eq=False)
class Endpoint:
    """An engine address with what is known of it now."""

    url: str
    breaker: Breaker
    healthy: bool = False
    outstanding: int = 0
    """Requests whose answers are not complete."""
    epoch: int = 0
    """How often it has come up."""
    misses: int = 0
    """Health checks in a row that nobody answered."""
    models: Mapping[str, Mapping[str, Any]] | None = None
    """The cards of ``/v1/models`` by id; None while they are not known."""
    windows: Windows | None = None
    """What those cards tell of contexts."""
    models_read: float = 0.0
    """When that was, on the event loop's clock."""
    waiting: set[Waiting] = field(default_factory=set)
    """Requests with no byte of an answer yet."""
    answers: set[Abandonable] = field(default_factory=set)
    """Answers that have begun and not ended."""
    answered: dict[str, float] = field(default_factory=dict)
    """When it last began to answer a request of each path with 200, on the monotonic clock."""
    doubted: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when its health is to be looked at soon."""
    name: str = field(init=False)
    """Host, port and path: what metrics and logs call it."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        self.name = parts.netloc + parts.path

    @property
    def lost(self) -> bool:
        """Whether nobody seems to be there any more: dead, frozen or cut off."""
        return self.misses >= LOST_AFTER

    def serves(self, model: str | None) -> bool:
        """Whether it may be asked for a model: it lists it, or does not tell, or any will do."""
        return not model or self.models is None or model in self.models


def engine_error(endpoint: Endpoint, error: Exception) -> EngineError:
    """The client library's error in the gateway's own terms."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return EngineConnectionError(f"the engine {endpoint.name} could not be reached in time")
    if isinstance(error, TimeoutError):
        # aiohttp's time-outs are connection errors as well.
        return EngineTimeoutError(f"the engine {endpoint.name} did not answer in time")
    return EngineConnectionError(f"the connection to the engine {endpoint.name} failed")
