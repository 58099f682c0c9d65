"""vLLM's answers in token ids, made into a chat's answer by its own derender route."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import orjson

from semtoken_server.engines.base import Engine, EngineRequest, EngineResponse
from semtoken_server.errors import EngineError
from semtoken_server.sse import whole_events
from semtoken_server.token_chats.routes import DERENDER
from semtoken_server.tracing.base import UNTRACED

_STREAM_HEADERS = MappingProxyType({"content-type": "text/event-stream; charset=utf-8"})


@dataclass(frozen=True, slots=True)
class Told:
    """What the derender route is told of a chat."""

    asked: bytes = field(repr=False)
    """Its body without its messages."""
    prompt_ids: list[int] = field(repr=False)
    """As much of its prompt as the engine wants to know."""
    prompt_tokens: int
    request_id: str
    """Of the answer."""


class Derenderer:
    """Makes the answers to one chat; ``request`` is the chat, for its headers and where it goes, ``body`` its fields.

    What vLLM's chat route has and its derender route leaves out is made up for: the end mark is no part of a text,
    an answer with tool calls ends in its own way, one call comes where only one is wanted.
    """

    def __init__(self, engine: Engine, request: EngineRequest, told: Told, body: Mapping[str, Any]) -> None:
        self._engine = engine
        self._request = request
        self._told = told
        self._body = body

    async def whole(self, generated: Mapping[str, Any]) -> dict[str, Any]:
        """A chat's answer; raises ``EngineError``."""
        choices = [self._without_end(choice) for choice in generated["choices"]]
        # The route refuses an answer without ids.
        pairs = list(zip(choices, generated["choices"], strict=True))
        sent = [short if short["token_ids"] else drawn for short, drawn in pairs]
        made = await self._post({"generate_response": {**generated, **self._named(), "choices": sent}})
        for choice, (short, drawn) in zip(made["choices"], pairs, strict=True):
            if not short["token_ids"]:
                choice["message"]["content"] = ""
            self._end(choice)
            _restore(choice, drawn)
        return {**made, "usage": generated.get("usage") or made.get("usage")}

    async def piece(self, chunk: Mapping[str, Any], state: Any) -> tuple[dict[str, Any] | None, Any]:
        """A chunk of a chat's stream, None where it says nothing, and what is to be known with the next.

        Raises ``EngineError``.
        """
        choices = [self._without_end(choice) for choice in chunk["choices"]]
        asked = {**chunk, **self._named(), "choices": choices}
        answer = await self._post({"stream": True, "generate_chunk": asked, "stream_state": state})
        made = {name: value for name, value in answer["chunk"].items() if value is not None}
        for choice, drawn in zip(made["choices"], chunk["choices"], strict=True):
            choice["delta"] = _present(choice["delta"])
            _restore(choice, drawn)
        if chunk.get("usage"):
            made["usage"] = chunk["usage"]
        elif all(map(_says_nothing, made["choices"])):
            return None, answer["stream_state"]
        return made, answer["stream_state"]

    def _named(self) -> dict[str, str]:
        return {"request_id": self._told.request_id}

    def _without_end(self, choice: Mapping[str, Any]) -> dict[str, Any]:
        """A choice without the token that ended it: beside a parser its mark would stand in the text."""
        ids = choice.get("token_ids") or []
        ended = choice["finish_reason"] == "stop" and not isinstance(choice.get("stop_reason"), str)
        if ended and not self._body.get("include_stop_str_in_output"):
            ids = ids[:-1]
        return {**choice, "token_ids": ids}

    def _end(self, choice: dict[str, Any]) -> None:
        calls, chosen = choice["message"].get("tool_calls"), self._body.get("tool_choice")
        if calls and self._body.get("parallel_tool_calls") is False:
            choice["message"]["tool_calls"] = calls[:1]
        stopped = choice["finish_reason"] == "stop"
        if not isinstance(chosen, dict) and (calls or (chosen == "required" and stopped)):
            choice["finish_reason"] = "tool_calls"

    async def _post(self, of: Mapping[str, Any]) -> dict[str, Any]:
        body = {
            **of,
            "model": self._request.model,
            "chat_request": orjson.Fragment(self._told.asked),
            "prompt_tokens": self._told.prompt_tokens,
            "prompt_token_ids": self._told.prompt_ids,
        }
        # One for each piece of a stream: spans of them would bury the others.
        request = replace(self._request, path=DERENDER, body=orjson.dumps(body), trace=UNTRACED)
        response = await self._engine.send(request)
        try:
            answer = await response.read()
        finally:
            await response.close()
        try:
            made = orjson.loads(answer) if response.status == 200 else None
        except orjson.JSONDecodeError:
            made = None
        if not isinstance(made, dict):
            raise EngineError(f"the engine answered {response.status} when its token ids were to become text")
        return made


class DerenderedStream:
    """The stream of a chat, made piece by piece of a stream of token ids."""

    def __init__(self, upstream: EngineResponse, derenderer: Derenderer) -> None:
        self._upstream = upstream
        self._derenderer = derenderer
        self._states: dict[int | None, Any] = {}
        """By choice: each is an answer of its own."""

    @property
    def status(self) -> int:
        """HTTP status."""
        return self._upstream.status

    @property
    def content_type(self) -> str:
        """Media type."""
        return "text/event-stream"

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, in lower case."""
        return _STREAM_HEADERS

    async def read(self) -> bytes:
        """The whole stream; raises ``EngineError`` when it does not arrive whole."""
        return b"".join([chunk async for chunk in self.chunks()])

    async def chunks(self) -> AsyncIterator[bytes]:
        """Events as they are made; raises ``EngineError`` when the stream breaks off or cannot be made text."""
        async for event in whole_events(self._upstream.chunks()):
            data = event.removeprefix(b"data:").strip()
            made = data if data == b"[DONE]" else await self._made(data)
            if made is not None:
                yield b"data: " + made + b"\n\n"

    async def close(self) -> None:
        """Let go of the connection; the engine stops its work then."""
        await self._upstream.close()

    async def _made(self, data: bytes) -> bytes | None:
        chunk = orjson.loads(data)
        if "error" in chunk:
            return data
        choices = chunk["choices"]
        index = choices[0]["index"] if choices else None
        made, self._states[index] = await self._derenderer.piece(chunk, self._states.get(index))
        return None if made is None else orjson.dumps(made)


def _restore(choice: dict[str, Any], drawn: Mapping[str, Any]) -> None:
    """All token ids of a choice where they were asked for."""
    if choice.get("token_ids") is not None:
        choice["token_ids"] = drawn["token_ids"]


def _present(value: Any) -> Any:
    """A delta without what it does not have, as vLLM's chat route writes it."""
    if isinstance(value, list):
        return [_present(element) for element in value]
    if isinstance(value, dict):
        return {name: _present(inner) for name, inner in value.items() if inner not in (None, [])}
    return value


def _says_nothing(choice: Mapping[str, Any]) -> bool:
    """Whether a choice of a chunk has nothing that a client could take in."""
    return not any(choice.get(name) for name in ("delta", "finish_reason", "logprobs", "token_ids"))
