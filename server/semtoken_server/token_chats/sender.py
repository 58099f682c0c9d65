"""Sends a chat as token ids: vLLM renders it, gets ids for ids, and makes a chat's answer of those it gives back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from semtoken_server.bodies import JsonBody
from semtoken_server.engine_checks.tokens import TokensCheck
from semtoken_server.engines.base import Engine, EngineRequest, EngineResponse
from semtoken_server.engines.stored import StoredResponse
from semtoken_server.errors import EngineError
from semtoken_server.rewrite import rewritten
from semtoken_server.token_chats.answers import ROUTE_FAULTS, json_of
from semtoken_server.token_chats.derender import DerenderedStream, Derenderer
from semtoken_server.token_chats.routes import GENERATE, RENDER
from semtoken_server.token_chats.splice import Seam, spliced

_CLOSED = (403, 404)
_TAIL = 16
"""Ids of a prompt's end that tell how the answer's first token is written."""
_DEFAULT_MAX_TOKENS = 16
"""vLLM leaves out what has its default, and takes a missing limit for the rest of the context."""
_PRIORITY = "x-vllm-priority"
_OF_MESSAGES = ("role", "name", "tool_calls", "tool_call_id")
"""What parsers want to know of a conversation: which calls there were, not what was said."""


@dataclass(frozen=True, slots=True)
class TokenChats:
    """Makes senders of chats."""

    engine: Engine
    check: TokensCheck

    def sender(self, seams: Sequence[Seam], body: JsonBody) -> TokenChat:
        """What sends the chat of ``body`` with ids in the place of some texts."""
        return TokenChat(self.engine, self.check, seams, body)


@dataclass(frozen=True, slots=True)
class TokenChat:
    """Sends one chat to an engine, with the ids of kept tokens where the template wrote the texts."""

    engine: Engine
    check: TokensCheck
    seams: Sequence[Seam] = field(repr=False)
    body: JsonBody = field(repr=False)

    async def send(self, request: EngineRequest) -> EngineResponse:
        """The chat's answer; ``request`` is the chat as text, and is sent where its ids have no place.

        What an engine refuses is answered with its own refusal. Raises what ``Engine.send`` raises.
        """
        response = await self.engine.send(replace(request, path=RENDER))
        if response.status != 200:
            return await self._unless_closed(response, request)
        rendered = await json_of(response)
        try:
            ids, answer_id = rendered["token_ids"], str(rendered["request_id"])
            prompt = await asyncio.to_thread(spliced, ids, self.seams)
            generation = self._generation(rendered, prompt, request)
        except ROUTE_FAULTS as error:
            raise EngineError("the engine rendered a chat in a form that is not vLLM's") from error
        if prompt == ids or rendered.get("features") is not None:
            return await self.engine.send(request)
        asked = self._asked()
        response = await self.engine.send(replace(request, path=GENERATE, body=orjson.dumps(generation)))
        if response.status != 200:
            return await self._unless_closed(response, request)
        told = {
            "model": request.model,
            "chat_request": orjson.Fragment(asked),
            "prompt_tokens": len(prompt),
            # For each piece of a stream again: written once.
            "prompt_token_ids": orjson.Fragment(orjson.dumps(self._wanted(prompt, response.engine))),
        }
        derenderer = Derenderer(self.engine, response.engine, request, told, answer_id, self.body.data)
        if response.content_type == "text/event-stream":
            return DerenderedStream(response, derenderer)
        return StoredResponse(orjson.dumps(await derenderer.whole(await json_of(response))))

    async def _unless_closed(self, response: EngineResponse, request: EngineRequest) -> EngineResponse:
        """A refusal; where the engine has come up meanwhile and has no such routes, the chat goes as text."""
        if response.status not in _CLOSED:
            return response
        await response.close()
        return await self.engine.send(request)

    def _generation(self, rendered: dict[str, Any], prompt: list[int], request: EngineRequest) -> dict[str, Any]:
        """What vLLM rendered, with the prompt, and what its chat route would have read besides."""
        sampling = {"max_tokens": _DEFAULT_MAX_TOKENS, **rendered["sampling_params"]}
        generation = {name: value for name, value in rendered.items() if name != "token_offsets"}
        with suppress(ValueError):
            generation["priority"] = int(request.headers.get(_PRIORITY, ""))
        return {**generation, "token_ids": prompt, "sampling_params": sampling}

    def _asked(self) -> bytes:
        """The chat's body without what was said."""
        messages = [
            {"content": "", **{name: message[name] for name in _OF_MESSAGES if message.get(name) is not None}}
            for message in self.body.data["messages"]
        ]
        return rewritten(self.body.raw, {("messages",): orjson.dumps(messages), ("semtoken",): None})

    def _wanted(self, prompt: list[int], engine: str | None) -> list[int]:
        return prompt if self.check.parses(engine) else prompt[-_TAIL:]
