"""Looks at the engines' health now and then, and at which models they serve."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal

import aiohttp

from semtoken_server.engines.client import EngineClient
from semtoken_server.engines.endpoint import Endpoint
from semtoken_server.engines.models import cards_by_id, windows_of
from semtoken_server.engines.policy import Policy
from semtoken_server.errors import EngineError
from semtoken_server.metrics import Metrics

logger = logging.getLogger(__name__)

_SOON_S = 0.5
"""The pause while an engine is down or did not answer: a single broken connection must not close the door for long."""
_DOUBTS_S = 0.05


class Watch:
    """Health is ``GET /health``; ``lost`` is called whenever nobody has answered at an endpoint for several checks."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        client: EngineClient,
        policy: Policy,
        metrics: Metrics,
        lost: Callable[[Endpoint], None],
    ) -> None:
        self._endpoints = endpoints
        self._client = client
        self._policy = policy
        self._up = metrics.engine_up
        self._lost = lost
        self._changed = asyncio.Event()
        self._reading = asyncio.Lock()
        self._watchers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin; returns after the first look at each endpoint."""
        await asyncio.gather(*map(self._look, self._endpoints))
        self._watchers = [asyncio.create_task(self._watch(endpoint)) for endpoint in self._endpoints]

    async def close(self) -> None:
        """Look no more."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)

    async def wait_for_change(self) -> None:
        """Return when an endpoint has come up or gone down since the call."""
        await self._changed.wait()

    def unreached(self, endpoint: Endpoint) -> None:
        """A request found that nobody listens."""
        self._set_health(endpoint, False)

    def doubt(self, endpoint: Endpoint) -> None:
        """A request's connection broke: look soon whether the engine is still there."""
        endpoint.doubted.set()

    async def read_models(self, older_than_s: float) -> None:
        """Read the lists of the healthy endpoints whose last reading is so old; together with who asks meanwhile."""
        async with self._reading:
            stale = [e for e in self._endpoints if e.healthy and self._age(e) >= older_than_s]
            await asyncio.gather(*map(self._read_models, stale))

    async def _watch(self, endpoint: Endpoint) -> None:
        interval = self._policy.health_interval_s
        while True:
            well = endpoint.healthy and endpoint.misses == 0
            with suppress(TimeoutError):
                async with asyncio.timeout(interval if well else min(interval, _SOON_S)):
                    await endpoint.doubted.wait()
                    # Many doubts at once are one look.
                    await asyncio.sleep(_DOUBTS_S)
            endpoint.doubted.clear()
            await self._look(endpoint)

    async def _look(self, endpoint: Endpoint) -> None:
        found = await self._health(endpoint)
        endpoint.misses = endpoint.misses + 1 if found in ("silent", "refused") else 0
        if found == "well":
            if not endpoint.healthy:
                # Another process may serve others; what the last one served stands until this one has told.
                if not await self._read_models(endpoint):
                    endpoint.models = endpoint.windows = None
            elif endpoint.models is None or self._age(endpoint) >= self._policy.models_interval_s:
                await self._read_models(endpoint)
            self._set_health(endpoint, True)
        elif found != "silent" or endpoint.lost:
            self._set_health(endpoint, False)
        if endpoint.lost:
            self._lost(endpoint)

    async def _health(self, endpoint: Endpoint) -> Literal["well", "ill", "refused", "silent"]:
        try:
            status, _ = await self._client.get(endpoint, "/health")
        except TimeoutError:
            return "silent"
        except (aiohttp.ClientError, OSError):
            return "refused"
        return "well" if 200 <= status < 300 else "ill"

    async def _read_models(self, endpoint: Endpoint) -> bool:
        """Whether they could be read; else they stay as they were."""
        endpoint.models_read = asyncio.get_running_loop().time()
        try:
            _, body = await self._client.get(endpoint, "/v1/models")
            cards = cards_by_id(body)
        except (aiohttp.ClientError, OSError, EngineError) as error:
            logger.warning("the models of the engine %s could not be read: %s", endpoint.name, error)
            return False
        endpoint.models, endpoint.windows = cards, windows_of(cards)
        return True

    def _age(self, endpoint: Endpoint) -> float:
        return asyncio.get_running_loop().time() - endpoint.models_read

    def _set_health(self, endpoint: Endpoint, healthy: bool) -> None:
        self._up.labels(endpoint.name).set(healthy)
        if endpoint.healthy == healthy:
            return
        endpoint.healthy = healthy
        if healthy:
            endpoint.epoch += 1
            # Another process may answer now: what the last one did is no ground against it.
            endpoint.breaker.reset()
        logger.info("engine %s is %s", endpoint.name, "up" if healthy else "down")
        # Wakes everyone who waits now; later callers wait for the next change.
        self._changed.set()
        self._changed = asyncio.Event()
