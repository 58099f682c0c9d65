"""Engines that are reached over HTTP, such as vLLM: one or several, with the same models or with different ones."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import NoReturn

from semtoken_server.engines.attempt import Attempt
from semtoken_server.engines.base import EngineRequest, EngineResponse, Windows
from semtoken_server.engines.breaker import Breaker
from semtoken_server.engines.client import EngineClient
from semtoken_server.engines.deadlines import watch_deadlines
from semtoken_server.engines.endpoint import Endpoint
from semtoken_server.engines.models import PATH, union
from semtoken_server.engines.policy import Policy
from semtoken_server.engines.rescue import rescue
from semtoken_server.engines.retry import Retries, RetryBudget
from semtoken_server.engines.routing import Router
from semtoken_server.engines.stored import StoredResponse
from semtoken_server.engines.watch import Watch
from semtoken_server.errors import EngineTimeoutError, EngineUnavailableError, ModelUnknownError
from semtoken_server.metrics import Metrics

_CHECK_S = 30.0
"""What the gateway itself wants to know of one engine is short: to wait for it must not keep the others waiting."""


class EnginePool:
    """Sends each request to an engine that serves its model, and to another one if that fails before the first byte.

    ``api_key`` goes to the engines as a bearer token.
    """

    def __init__(
        self, urls: Sequence[str], metrics: Metrics, policy: Policy | None = None, *, api_key: str | None = None
    ) -> None:
        self._policy = policy = policy or Policy()
        self._endpoints = [Endpoint(url, Breaker(policy.breaker_failures, policy.breaker_open_s)) for url in urls]
        self._named = {endpoint.name: endpoint for endpoint in self._endpoints}
        self._router = Router(self._endpoints, policy.load_factor)
        self._client = EngineClient(policy, metrics, self._router, api_key)
        self._watch = Watch(self._endpoints, self._client, policy, metrics, partial(rescue, router=self._router))
        self._budget = RetryBudget(policy.retry_budget)
        self._choices = cache(metrics.engine_choices.labels)
        self._retries = metrics.engine_retries
        self._withheld = metrics.engine_retries_withheld
        self._deadlines: asyncio.Task[NoReturn] | None = None

    async def start(self) -> None:
        """Connect and begin to watch health; returns after the first look at each endpoint."""
        self._client.start()
        await self._watch.start()
        watching = watch_deadlines(self._endpoints, self._router, self._policy.first_byte_timeout_s)
        self._deadlines = asyncio.create_task(watching)

    async def close(self) -> None:
        """Stop watching and close all connections."""
        if self._deadlines is not None:
            self._deadlines.cancel()
            await asyncio.gather(self._deadlines, return_exceptions=True)
        await self._watch.close()
        await self._client.close()

    @property
    def health(self) -> Mapping[str, bool]:
        """Each endpoint's name and whether it is healthy."""
        return {endpoint.name: endpoint.healthy for endpoint in self._endpoints}

    @property
    def epoch(self) -> Mapping[str, int]:
        """How often each endpoint has come up."""
        return {endpoint.name: endpoint.epoch for endpoint in self._endpoints}

    @property
    def windows(self) -> Mapping[str, Windows | None]:
        """Each endpoint's models; None while they are not known. What one lists that has gone down stays known."""
        return {endpoint.name: endpoint.windows for endpoint in self._endpoints}

    async def wait_for_change(self) -> None:
        """Return when an endpoint has come up or gone down since the call."""
        await self._watch.wait_for_change()

    async def send(self, request: EngineRequest, *, endpoint: str | None = None) -> EngineResponse:
        """Send to the endpoint named, once; else to the best one, and after a failure to another.

        ``GET /v1/models`` of several engines is answered with the union of what they serve. Raises
        ``EngineError``, and ``ModelUnknownError`` for a model that no engine lists.
        """
        if endpoint is not None:
            return await self._send_to(endpoint, request)
        if request.path == PATH and len(self._endpoints) > 1:
            return await self._models(request)
        return await self._send(request)

    async def _send_to(self, name: str, request: EngineRequest) -> EngineResponse:
        endpoint = self._named.get(name)
        if endpoint is None or not endpoint.healthy:
            raise EngineUnavailableError
        try:
            async with asyncio.timeout(min(_CHECK_S, self._policy.first_byte_timeout_s)):
                attempt = await self._client.attempt(endpoint, request)
        except TimeoutError as error:
            raise EngineTimeoutError(f"the engine {name} did not answer in time") from error
        self._tell_watch(attempt)
        return attempt.result()

    async def _send(self, request: EngineRequest) -> EngineResponse:
        self._budget.count_request()
        tried: list[Endpoint] = []
        attempt = await self._attempt(request, tried)
        if attempt is None:
            await self._require_model(request.model)
            attempt = await self._attempt(request, tried)
            if attempt is None:
                raise EngineUnavailableError
        if attempt.cause is None:
            return attempt.result()
        retries = Retries(
            self._budget,
            self._policy.retries,
            elsewhere=lambda: self._router.elsewhere(request, tried),
            count=lambda cause: self._retries.labels(cause).inc(),
            withheld=self._withheld.inc,
        )
        return (await retries.after(attempt, lambda: self._attempt(request, tried))).result()

    async def _attempt(self, request: EngineRequest, tried: list[Endpoint]) -> Attempt | None:
        """One attempt, past the engines that turn out not to be there; None where no engine may have it.

        To go past those is no retry: nothing was done for the request there, so it adds no load.
        """
        attempt: Attempt | None = None
        while (choice := self._router.choose(request, tried)) is not None:
            endpoint = choice.endpoint
            if attempt is not None and endpoint in tried:
                break
            tried.append(endpoint)
            self._choices(choice.how).inc()
            attempt = await self._client.attempt(endpoint, request)
            self._tell_watch(attempt)
            if attempt.cause not in ("unreached", "taken_out"):
                break
        return attempt

    def _tell_watch(self, attempt: Attempt) -> None:
        if attempt.cause == "unreached":
            self._watch.unreached(attempt.endpoint)
        elif attempt.cause == "connection":
            self._watch.doubt(attempt.endpoint)

    async def _require_model(self, model: str | None) -> None:
        """Raises ``ModelUnknownError`` for a model that no engine lists, having asked them anew."""
        if not self._router.may_serve(model):
            await self._watch.read_models(self._policy.models_fresh_s)
        if model is not None and not self._router.may_serve(model):
            raise ModelUnknownError(model)

    async def _models(self, request: EngineRequest) -> EngineResponse:
        await self._watch.read_models(self._policy.models_fresh_s)
        listed = [e.models for e in self._endpoints if e.healthy and e.models is not None]
        return StoredResponse(union(listed)) if listed else await self._send(request)
