"""The models that the engine itself lists: the only names that a metric or the switch's state may have."""

from __future__ import annotations

import msgspec

from semtoken_server.engines.base import Engine, EngineRequest, read_whole
from semtoken_server.quality.prompts import NotReplayableError


class _Card(msgspec.Struct):
    id: str
    parent: str | None = None


class _Cards(msgspec.Struct):
    data: list[_Card]


class ListedModels:
    """What ``/v1/models`` told, asked again when a name is not in it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._names: frozenset[str] = frozenset()
        self._base: str | None = None

    def known(self, model: str | None) -> str | None:
        """The name of ``model`` if it was listed, of the base model where a request names none."""
        if model is None:
            return self._base
        return model if model in self._names else None

    async def name(self, model: str | None) -> str:
        """The same, after a look at the engine where it must be.

        Raises ``NotReplayableError`` for what the engine does not list, and ``EngineError``.
        """
        if self.known(model) is None:
            await self._ask(model)
        if (name := self.known(model)) is None:
            raise NotReplayableError("unsupported")
        return name

    async def _ask(self, model: str | None) -> None:
        response = await self._engine.send(EngineRequest("GET", "/v1/models", model=model))
        try:
            cards = msgspec.json.decode(await read_whole(response), type=_Cards).data
        except msgspec.MsgspecError as error:
            raise NotReplayableError("unreadable") from error
        self._names = frozenset(card.id for card in cards)
        self._base = next((card.id for card in cards if card.parent is None), None)
