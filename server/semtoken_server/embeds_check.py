"""Whether the engines take input embeddings, and answer to ours as they do to the tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, Field, ValidationError
from semtoken import InvalidOptionError

from semtoken_server.compression.backend import CompressorBackend
from semtoken_server.compression.embeds import wire_form
from semtoken_server.engines.base import Engine, EngineRequest
from semtoken_server.engines.models import served_model
from semtoken_server.errors import CompressionUnavailableError, EngineError

PROBE = "The capital of France is Paris, and the capital of Italy is"
TOLERANCE = 0.1
"""Nats by which the most likely token's log-probability may differ: rounding moves it by a hundredth, a wrong
scale or another model's table by more than one."""
_LOCAL_TIMEOUT_S = 60.0
_ASKED = {"max_tokens": 1, "temperature": 0, "logprobs": 1}


class _Logprobs(BaseModel):
    tokens: list[str] = Field(min_length=1)
    token_logprobs: list[float] = Field(min_length=1)


class _Choice(BaseModel):
    logprobs: _Logprobs


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class _Answer:
    """The token that an engine thinks comes next; ``error`` where it refused the prompt."""

    token: str = ""
    logprob: float = 0.0
    error: str = ""


class EmbedsCheck:
    """Asks every engine process once, when embeddings are first wanted of it."""

    def __init__(self, engine: Engine, backend: CompressorBackend) -> None:
        self._engine = engine
        self._backend = backend
        self._asking = asyncio.Lock()
        self._faults: dict[str, tuple[int, str]] = {}
        """By engine, its epoch when it was asked and what is wrong with it, or nothing."""

    async def require(self) -> None:
        """Return if every healthy engine may be sent embeddings.

        Raises ``InvalidOptionError`` if one may not, and ``CompressionUnavailableError`` when it cannot be told.
        """
        async with self._asking:
            for name in [name for name, healthy in self._engine.health.items() if healthy]:
                epoch = self._engine.epoch[name]
                if self._faults.get(name, (None, ""))[0] != epoch:
                    self._faults[name] = (epoch, await self._fault(name))
                if fault := self._faults[name][1]:
                    raise InvalidOptionError(f"realise: 'embeds' is not possible: {fault}", param="realise")

    async def _fault(self, name: str) -> str:
        """What is wrong with an engine, or nothing."""
        probe = await self._backend.embeddings(PROBE, timeout_s=_LOCAL_TIMEOUT_S)
        ids, vectors = probe.value
        try:
            model = (await served_model(self._engine, name)).id
            by_ids = await self._ask(name, {"model": model, "prompt": ids, **_ASKED})
            by_vectors = await self._ask(name, {"model": model, "prompt_embeds": wire_form(vectors), **_ASKED})
        except EngineError as error:
            raise CompressionUnavailableError("embeds_unchecked", f"{name}: {error}") from error
        if by_ids.error:
            raise CompressionUnavailableError("embeds_unchecked", f"{name}: {by_ids.error}")
        if by_vectors.error:
            return f"the engine {name} must be started with --enable-prompt-embeds; it says: {by_vectors.error}"
        if by_vectors.token != by_ids.token or abs(by_vectors.logprob - by_ids.logprob) > TOLERANCE:
            return (
                f"the engine {name} goes on with {by_ids.token!r:.40} ({by_ids.logprob:.2f}) after tokens, but with "
                f"{by_vectors.token!r:.40} ({by_vectors.logprob:.2f}) after their embeddings: is its model another one?"
            )
        return ""

    async def _ask(self, name: str, body: Mapping[str, Any]) -> _Answer:
        """The engine's next token; raises ``EngineError`` for an answer that says nothing of the prompt."""
        headers = {"content-type": "application/json"}
        request = EngineRequest("POST", "/v1/completions", orjson.dumps(body), headers)
        response = await self._engine.send(request, endpoint=name)
        answer = await response.read()
        if 400 <= response.status < 500:
            return _Answer(error=answer[:300].decode("utf-8", "replace"))
        try:
            said = _Completion.model_validate(orjson.loads(answer)).choices[0].logprobs
        except (orjson.JSONDecodeError, ValidationError) as error:
            raise EngineError(f"a completion of one token was answered with {response.status}") from error
        return _Answer(said.tokens[0], said.token_logprobs[0])
