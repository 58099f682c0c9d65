"""Which engine gets a request."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from semtoken_server.engines.affinity import bounded, ranked
from semtoken_server.engines.base import EngineRequest
from semtoken_server.engines.endpoint import Endpoint

How = Literal["only", "affinity", "spill", "load"]


class Choice(NamedTuple):
    """An endpoint, and what decided."""

    endpoint: Endpoint
    how: How


class Router:
    """Prefix affinity where a request has one and load allows it, else the fewest outstanding requests."""

    def __init__(self, endpoints: Sequence[Endpoint], load_factor: float) -> None:
        self._endpoints = endpoints
        self._load_factor = load_factor
        self._turn = 0

    def choose(self, request: EngineRequest, tried: Collection[Endpoint] = ()) -> Choice | None:
        """One that may have ``request`` now, if it can be one that was not tried; None where there is none."""
        able = self._able(request.model)
        among = [endpoint for endpoint in able if endpoint not in tried] or able if tried else able
        if len(among) < 2:
            return Choice(among[0], "only") if among else None
        if request.affinity is None:
            return Choice(self._least_busy(among), "load")
        order = ranked(request.affinity, among)
        chosen = bounded(order, self._load_factor)
        return Choice(chosen, "affinity" if chosen is order[0] else "spill")

    def elsewhere(self, request: EngineRequest, tried: Collection[Endpoint]) -> bool:
        """Whether an endpoint that was not tried may have ``request`` now."""
        return any(endpoint not in tried for endpoint in self._able(request.model))

    def may_serve(self, model: str | None) -> bool:
        """Whether any endpoint, up or down, may serve a model."""
        return any(endpoint.serves(model) for endpoint in self._endpoints)

    def _able(self, model: str | None) -> list[Endpoint]:
        able = [e for e in self._endpoints if e.healthy and e.serves(model) and e.breaker.allows()]
        if len(able) < 2:
            return able
        # One that is known to serve it goes before one that may.
        return [endpoint for endpoint in able if endpoint.models is not None] or able

    def _least_busy(self, among: Sequence[Endpoint]) -> Endpoint:
        # In turn where several are equal, so that single requests do not all go to the first.
        start = self._turn % len(among)
        self._turn += 1
        return min((*among[start:], *among[:start]), key=lambda endpoint: endpoint.outstanding)
