"""What models engines serve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, Field, ValidationError

from semtoken_server.engines.base import Engine, EngineRequest, Windows
from semtoken_server.errors import EngineConnectionError

PATH = "/v1/models"


@dataclass(frozen=True, slots=True)
class ServedModel:
    """The base model of an engine: the name that requests use, and where its files came from."""

    id: str
    root: str


class _Card(BaseModel):
    id: str
    root: str | None = None
    parent: str | None = None
    max_model_len: int | None = Field(default=None, ge=1)


class _Cards(BaseModel):
    data: list[_Card]


async def served_model(engine: Engine, endpoint: str | None = None) -> ServedModel:
    """The first model of ``/v1/models`` that is not an adapter of another.

    Raises ``EngineError``; ``EngineConnectionError`` as well for an answer that names no model.
    """
    response = await engine.send(EngineRequest("GET", PATH), endpoint=endpoint)
    body = await response.read()
    try:
        cards = _Cards.model_validate(orjson.loads(body)).data
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise EngineConnectionError(f"the engine's /v1/models answered {response.status} without models") from error
    for card in cards:
        if card.parent is None:
            return ServedModel(card.id, card.root or card.id)
    raise EngineConnectionError("the engine's /v1/models names no base model")


def cards_by_id(body: bytes) -> dict[str, dict[str, Any]]:
    """The cards of a ``/v1/models`` answer by their ids, adapters too.

    Raises ``EngineConnectionError`` for a body that is none.
    """
    try:
        listed = orjson.loads(body)
        _Cards.model_validate(listed)
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise EngineConnectionError("the engine's /v1/models answered without models") from error
    return {card["id"]: card for card in listed["data"]}


def windows_of(cards: Mapping[str, Mapping[str, Any]]) -> Windows:
    """The context of each model of :func:`cards_by_id`; vLLM tells an adapter's with its parent's card."""
    told = {name: _Card.model_validate(card) for name, card in cards.items()}

    def window(card: _Card) -> int | None:
        parent = told.get(card.parent or "")
        return card.max_model_len or (parent.max_model_len if parent is not None else None)

    return {name: window(card) for name, card in told.items()}


def union(listed: Iterable[Mapping[str, Mapping[str, Any]]]) -> bytes:
    """The body of ``/v1/models`` for several engines: each model once, with its first engine's card."""
    cards: dict[str, Mapping[str, Any]] = {}
    for models in listed:
        for name, card in models.items():
            cards.setdefault(name, card)
    return orjson.dumps({"object": "list", "data": list(cards.values())})
