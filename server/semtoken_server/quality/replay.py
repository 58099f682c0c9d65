"""The engine scores one answer after both prompts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import orjson

from semtoken_server.engines.base import Engine, EngineRequest, read_whole
from semtoken_server.quality.drift import ScoredToken, drift
from semtoken_server.quality.prompts import (
    COMPLETIONS,
    Answer,
    NotReplayableError,
    chat_prompt,
    completion_prompt,
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as it came and as it was forwarded, with its answer."""

    path: str
    request_id: str
    original: Mapping[str, Any] = field(repr=False)
    forwarded: Mapping[str, Any] = field(repr=False)
    answer: Answer
    forwarded_tokens: int | None = None
    """Tokens of the prompt that the engine answered."""

    @property
    def model(self) -> str | None:
        """The model that it was for."""
        model = self.original.get("model")
        return model if isinstance(model, str) else None


class _Logprob(msgspec.Struct):
    logprob: float


# A position's own token comes first.
_Positions = list[dict[str, _Logprob] | None]


class _Choice(msgspec.Struct):
    prompt_logprobs: _Positions | None = None


class _Scored(msgspec.Struct):
    prompt_logprobs: _Positions | None = None
    choices: list[_Choice] = []

    @property
    def positions(self) -> _Positions:
        """A chat has them beside its choices, a completion in them."""
        found = self.prompt_logprobs or (self.choices[0].prompt_logprobs if self.choices else None)
        if not found:
            raise NotReplayableError("unreadable")
        return found


class _Tokenised(msgspec.Struct):
    tokens: list[int]


_Reply = TypeVar("_Reply", _Scored, _Tokenised)


class Replayer:
    """Sends replays to ``engine``, with ``priority`` where that is not None: vLLM wants its scheduler for it.

    vLLM computes the whole prompt anew for them (a prompt's log-probabilities cannot come out of the
    prefix cache), and one token after it.
    """

    def __init__(self, engine: Engine, priority: int | None = None) -> None:
        self._engine = engine
        self._extra = {} if priority is None else {"priority": priority}

    async def drift(self, exchange: Exchange) -> float:
        """What :func:`semtoken_server.quality.drift.drift` says of an exchange.

        Raises ``NotReplayableError`` for what the engine cannot score and ``EngineError``.
        """
        if exchange.path == COMPLETIONS:
            compressed, full, limit = await self._completions(exchange)
        else:
            answer = exchange.answer.text
            compressed, full = chat_prompt(exchange.forwarded, answer), chat_prompt(exchange.original, answer)
            limit = None
        ones = await self._scored(exchange, "compressed", compressed)
        others = await self._scored(exchange, "full", full)
        bounds = [len(ones) - (exchange.forwarded_tokens or 0), exchange.answer.tokens, limit]
        figure = drift(ones, others, min(bound for bound in bounds if bound is not None))
        if figure is None:
            raise NotReplayableError("unreadable")
        return figure

    async def _completions(self, exchange: Exchange) -> tuple[dict[str, Any], dict[str, Any], int]:
        special = bool(exchange.original.get("add_special_tokens", True))
        answer = await self._ids(exchange, exchange.answer.text, special=False)
        prompts = []
        for request in (exchange.forwarded, exchange.original):
            prompt = request["prompt"]
            if isinstance(prompt, list) and not isinstance(prompt[0], int):
                prompt = prompt[0]
            ids = await self._ids(exchange, prompt, special=special) if isinstance(prompt, str) else prompt
            prompts.append(completion_prompt(request, ids, answer))
        return prompts[0], prompts[1], len(answer)

    async def _ids(self, exchange: Exchange, text: str, *, special: bool) -> list[int]:
        model = {} if exchange.model is None else {"model": exchange.model}
        asked = {**model, "prompt": text, "add_special_tokens": special}
        return (await self._posted(exchange, "tokenize", "/tokenize", asked, _Tokenised)).tokens

    async def _scored(self, exchange: Exchange, name: str, prompt: Mapping[str, Any]) -> list[ScoredToken]:
        answer = await self._posted(exchange, name, exchange.path, {**prompt, **self._extra}, _Scored)
        return [_token(position) for position in answer.positions]

    async def _posted(
        self, exchange: Exchange, name: str, path: str, body: Mapping[str, Any], wanted: type[_Reply]
    ) -> _Reply:
        headers = {"content-type": "application/json", "x-request-id": f"{exchange.request_id}-quality-{name}"}
        request = EngineRequest("POST", path, orjson.dumps(body), headers, model=exchange.model)
        response = await self._engine.send(request)
        content = await read_whole(response)
        if response.status != 200:
            raise NotReplayableError("refused")
        try:
            return msgspec.json.decode(content, type=wanted)
        except msgspec.MsgspecError as error:
            raise NotReplayableError("unreadable") from error


def _token(position: dict[str, _Logprob] | None) -> ScoredToken:
    if not position:
        return ScoredToken("", None)
    token, scored = next(iter(position.items()))
    return ScoredToken(token, scored.logprob)
