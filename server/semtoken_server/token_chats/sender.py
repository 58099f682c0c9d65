"""Sends a chat as token ids: vLLM renders it, gets ids for ids, and makes a chat's answer of those it gives back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from semtoken_server.bodies import JsonBody
from semtoken_server.compression.backend import CompressorBackend
from semtoken_server.engine_checks.tokens import TokensCheck
from semtoken_server.engines.base import Engine, EngineRequest, EngineResponse
from semtoken_server.engines.stored import StoredResponse
from semtoken_server.rewrite import rewritten
from semtoken_server.token_chats.derender import DerenderedStream, Derenderer, Told
from semtoken_server.token_chats.routes import GENERATE, RENDER
from semtoken_server.token_chats.splice import MarkedChat, spliced

logger = logging.getLogger(__name__)

_LOCAL_TIMEOUT_S = 60.0
_TAIL = 16
"""Ids of a prompt's end that tell how the answer's first token is written."""
_NO_MESSAGES = orjson.dumps([{"role": "user", "content": ""}])


@dataclass(frozen=True, slots=True)
class TokenChats:
    """Makes senders; ``window`` tells the served model's context in tokens, if it is known."""

    engine: Engine
    backend: CompressorBackend
    check: TokensCheck
    window: Callable[[], int | None]

    def sender(self, body: JsonBody, marked: MarkedChat) -> TokenChat:
        """What sends this chat."""
        return TokenChat(self, body, marked)


@dataclass(frozen=True, slots=True)
class TokenChat:
    """Sends one chat to an engine, with ids in the place of its markers."""

    chats: TokenChats = field(repr=False)
    body: JsonBody = field(repr=False)
    marked: MarkedChat = field(repr=False)

    async def send(self, request: EngineRequest) -> EngineResponse:
        """The chat's answer; ``request`` is the chat as text, and is sent where its ids have no place.

        What an engine refuses is answered with its own refusal. Raises what ``Engine.send`` raises.
        """
        engine = self.chats.engine
        body = rewritten(self.body.raw, {**self.marked.edits, ("semtoken",): None})
        response = await engine.send(replace(request, path=RENDER, body=body))
        if response.status != 200:
            return response
        rendered = orjson.loads(await _read(response))
        prompt = await self._prompt(rendered)
        if prompt is None:
            logger.warning("a chat's template does not keep its texts' tokens apart: it is forwarded as text")
            return await engine.send(request)
        generating = replace(request, path=GENERATE, body=orjson.dumps(self._generation(rendered, prompt)))
        response = await engine.send(generating)
        if response.status != 200:
            return response
        derenderer = self._derenderer(request, rendered, prompt)
        if response.content_type == "text/event-stream":
            return DerenderedStream(response, derenderer)
        return StoredResponse(orjson.dumps(await derenderer.whole(orjson.loads(await _read(response)))))

    async def _prompt(self, rendered: dict[str, Any]) -> list[int] | None:
        if rendered.get("features") is not None:
            return None
        markers = list(self.marked.ids)
        sought = (await self.chats.backend.token_ids(markers, timeout_s=_LOCAL_TIMEOUT_S)).value
        places = [(own, self.marked.ids[text]) for own, text in zip(sought, markers, strict=True)]
        return spliced(rendered["token_ids"], places)

    def _generation(self, rendered: dict[str, Any], prompt: list[int]) -> dict[str, Any]:
        """What vLLM rendered, with the prompt; the limit of the answer was reckoned without it."""
        sampling = dict(rendered["sampling_params"])
        window = self.chats.window()
        if window is not None and sampling.get("max_tokens") is not None:
            sampling["max_tokens"] = max(1, min(sampling["max_tokens"], window - len(prompt)))
        beside = {name: value for name, value in rendered.items() if name != "token_offsets"}
        return {**beside, "token_ids": prompt, "sampling_params": sampling}

    def _derenderer(self, request: EngineRequest, rendered: dict[str, Any], prompt: Sequence[int]) -> Derenderer:
        # What a parser wants to know of the request is its tools and how it may call them, not what was said.
        asked = rewritten(self.body.raw, {("messages",): _NO_MESSAGES, ("semtoken",): None})
        seen = prompt if self.chats.check.parsing else prompt[-_TAIL:]
        told = Told(asked, list(seen), len(prompt), str(rendered["request_id"]))
        return Derenderer(self.chats.engine, request, told, self.body.data)


async def _read(response: EngineResponse) -> bytes:
    try:
        return await response.read()
    finally:
        await response.close()
