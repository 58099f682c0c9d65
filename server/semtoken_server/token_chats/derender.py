"""vLLM's answers in token ids, made into a chat's answer by its own derender route."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import orjson

from semtoken_server.engines.base import Engine, EngineRequest, EngineResponse
from semtoken_server.errors import EngineError
from semtoken_server.sse import whole_events
from semtoken_server.token_chats.answers import ROUTE_FAULTS, json_of
from semtoken_server.token_chats.routes import DERENDER
from semtoken_server.tracing.base import UNTRACED

_STREAM_HEADERS = MappingProxyType({"content-type": "text/event-stream; charset=utf-8"})
_ODD = "the engine answered token ids in a form that is not vLLM's"


class Derenderer:
    """Makes the answers to one chat, at the endpoint that generated them.

    ``request`` is the chat, for its headers; ``told`` goes along each time; ``answer_id`` is the answers' id, ``body``
    the client's fields. What vLLM's chat route has and its derender route leaves out is made up for: the end mark is
    no part of a text, and answers with tool calls end in their own way.
    """

    def __init__(
        self,
        engine: Engine,
        endpoint: str | None,
        request: EngineRequest,
        told: Mapping[str, Any],
        answer_id: str,
        body: Mapping[str, Any],
    ) -> None:
        self._engine = engine
        self._endpoint = endpoint
        # One for each piece of a stream: spans of them would bury the others.
        self._request = replace(request, path=DERENDER, trace=UNTRACED)
        self._told = told
        self._answer_id = answer_id
        self._body = body

    async def whole(self, generated: Mapping[str, Any]) -> dict[str, Any]:
        """A chat's answer; raises ``EngineError``."""
        try:
            # The route refuses an answer without ids, which is one of nothing but its end.
            shortened = [_without_end(choice) for choice in generated["choices"]]
            choices = [short or drawn for short, drawn in zip(shortened, generated["choices"], strict=True)]
            # Parsers are shown the prompt of the answer, not that of the request.
            beside = {"request_id": self._answer_id, "prompt_token_ids": self._told["prompt_token_ids"]}
            made = await self._post({"generate_response": {**generated, **beside, "choices": choices}})
            for choice, short in zip(made["choices"], shortened, strict=True):
                if short is None:
                    choice["message"] |= {"content": "", "reasoning": None}
                self._end(choice)
        except ROUTE_FAULTS as error:
            raise EngineError(_ODD) from error
        return {**made, "usage": generated.get("usage") or made.get("usage")}

    async def piece(self, data: bytes, states: dict[int | None, Any]) -> bytes | None:
        """A chunk of a chat's stream, None where it says nothing; ``states`` is what to know with the next pieces.

        Raises ``EngineError``.
        """
        try:
            chunk = orjson.loads(data)
            if "error" in chunk:
                return data
            choices = [_without_end(choice) or {**choice, "token_ids": []} for choice in chunk["choices"]]
            index = choices[0]["index"] if choices else None
            asked = {**chunk, "request_id": self._answer_id, "choices": choices}
            state = {"stream_state": states.get(index)}
            answer = await self._post({"stream": True, "generate_chunk": asked, **state})
            states[index] = answer["stream_state"]
            made = {name: value for name, value in answer["chunk"].items() if value is not None}
            for choice, drawn in zip(made["choices"], chunk["choices"], strict=True):
                choice["delta"] = _present(choice["delta"])
                if drawn["finish_reason"] not in (None, "stop"):
                    # Calls that were cut short are none that could be made.
                    choice["finish_reason"] = drawn["finish_reason"]
        except ROUTE_FAULTS as error:
            raise EngineError(_ODD) from error
        if chunk.get("usage"):
            made["usage"] = chunk["usage"]
        elif not any(choice["delta"] or choice.get("finish_reason") for choice in made["choices"]):
            return None
        return orjson.dumps(made)

    def _end(self, choice: dict[str, Any]) -> None:
        """How an answer ends, and which calls it has, by the rules of vLLM's chat route."""
        chosen, message = self._body.get("tool_choice"), choice["message"]
        if chosen == "none" or not self._body.get("tools"):
            message["tool_calls"] = []
        elif self._body.get("parallel_tool_calls") is False:
            message["tool_calls"] = (message.get("tool_calls") or [])[:1]
        auto = chosen in (None, "auto") and message.get("tool_calls")
        if auto or (chosen == "required" and choice["finish_reason"] == "stop"):
            choice["finish_reason"] = "tool_calls"

    async def _post(self, of: Mapping[str, Any]) -> dict[str, Any]:
        request = replace(self._request, body=orjson.dumps({**of, **self._told}))
        return await json_of(await self._engine.send(request, endpoint=self._endpoint))


class DerenderedStream:
    """The stream of a chat, made piece by piece of a stream of token ids."""

    def __init__(self, upstream: EngineResponse, derenderer: Derenderer) -> None:
        self._upstream = upstream
        self._derenderer = derenderer

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

    @property
    def engine(self) -> str | None:
        """The endpoint that answers."""
        return self._upstream.engine

    async def read(self) -> bytes:
        """The whole stream; raises ``EngineError`` when it does not arrive whole."""
        return b"".join([chunk async for chunk in self.chunks()])

    async def chunks(self) -> AsyncIterator[bytes]:
        """Events as they are made; raises ``EngineError`` when the stream breaks off or cannot be made text."""
        # By choice: each is an answer of its own.
        states: dict[int | None, Any] = {}
        async for event in whole_events(self._upstream.chunks()):
            if not event.startswith(b"data:"):
                yield event + b"\n\n"
                continue
            data = event[5:].strip()
            made = data if data == b"[DONE]" else await self._derenderer.piece(data, states)
            if made is not None:
                yield b"data: " + made + b"\n\n"

    async def close(self) -> None:
        """Let go of the connection; the engine stops its work then."""
        await self._upstream.close()


def _without_end(choice: Mapping[str, Any]) -> dict[str, Any] | None:
    """A choice without the token that ended it, which beside a parser would stand in the text.

    None where it has no other token.
    """
    ids = choice.get("token_ids") or []
    if choice["finish_reason"] == "stop" and not isinstance(choice.get("stop_reason"), str):
        ids = ids[:-1]
    return {**choice, "token_ids": ids} if ids else None


def _present(value: Any) -> Any:
    """A delta without what it does not have, as vLLM's chat route writes it."""
    if isinstance(value, list):
        return [_present(element) for element in value]
    if isinstance(value, dict):
        return {name: _present(inner) for name, inner in value.items() if inner not in (None, [])}
    return value
