"""Whether the engines take input embeddings, and answer to ours as they do to the tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson
from pydantic import BaseModel, Field, ValidationError

from semtoken_server.compression.embeds import wire_form
from semtoken_server.engine_checks.realisable import LOCAL_TIMEOUT_S, RealisableCheck
from semtoken_server.errors import EngineError

PROBE = "The capital of France is Paris, and the capital of Italy is"
TOLERANCE = 0.1
"""Nats by which the most likely token's log-probability may differ: rounding moves it by a hundredth, a wrong
scale or another model's table by more than one."""
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


class EmbedsCheck(RealisableCheck):
    """Compares what an engine says after a prompt's tokens and after their embeddings."""

    realise: ClassVar[str] = "embeds"
    unasked: ClassVar[str] = "embeds_unchecked"

    async def fault(self, name: str, model: str) -> str:
        """What is wrong with an engine, or nothing."""
        probe = await self._backend.embeddings(PROBE, timeout_s=LOCAL_TIMEOUT_S)
        ids, vectors = probe.value
        by_ids = await self._next(name, {"model": model, "prompt": ids, **_ASKED})
        # Off the event loop: the first time it imports torch.
        embeds = await asyncio.to_thread(wire_form, vectors)
        by_vectors = await self._next(name, {"model": model, "prompt_embeds": embeds, **_ASKED})
        if by_ids.error:
            raise self.unchecked(name, by_ids.error)
        if by_vectors.error:
            return f"the engine {name} must be started with --enable-prompt-embeds; it says: {by_vectors.error}"
        if by_vectors.token != by_ids.token or abs(by_vectors.logprob - by_ids.logprob) > TOLERANCE:
            return (
                f"the engine {name} goes on with {by_ids.token!r:.40} ({by_ids.logprob:.2f}) after tokens, but with "
                f"{by_vectors.token!r:.40} ({by_vectors.logprob:.2f}) after their embeddings: is its model another one?"
            )
        return ""

    async def _next(self, name: str, body: Mapping[str, Any]) -> _Answer:
        """The engine's next token; raises ``EngineError`` for an answer that says nothing of the prompt."""
        status, answer = await self.ask(name, "/v1/completions", body)
        if 400 <= status < 500:
            return _Answer(error=answer[:300].decode("utf-8", "replace"))
        try:
            said = _Completion.model_validate(orjson.loads(answer)).choices[0].logprobs
        except (orjson.JSONDecodeError, ValidationError) as error:
            raise EngineError(f"a completion of one token was answered with {status}") from error
        return _Answer(said.tokens[0], said.token_logprobs[0])
