"""Whether the engines have the routes by which a chat goes as token ids, and a template that markers get through."""

from __future__ import annotations

from typing import Any, ClassVar

import orjson
from pydantic import BaseModel, ValidationError

from semtoken_server.compression.backend import CompressorBackend
from semtoken_server.engine_checks.realisable import LOCAL_TIMEOUT_S, RealisableCheck
from semtoken_server.engines.base import Engine
from semtoken_server.token_chats.routes import DERENDER, RENDER
from semtoken_server.token_chats.splice import marker, spliced


class _Rendered(BaseModel):
    token_ids: list[int]


class TokensCheck(RealisableCheck):
    """Has an engine render a marker, and make a chat's answer of an empty piece of a stream."""

    realise: ClassVar[str] = "tokens"

    def __init__(self, engine: Engine, backend: CompressorBackend) -> None:
        super().__init__(engine, backend)
        self._parsing: set[str] = set()

    @property
    def parsing(self) -> bool:
        """Whether some engine parses tool calls or reasoning out of its answers, and so wants to know the prompt."""
        return bool(self._parsing)

    async def fault(self, name: str, model: str) -> str:
        """What is wrong with an engine, or nothing."""
        text = marker(0)
        (ids,) = (await self._backend.token_ids([text], timeout_s=LOCAL_TIMEOUT_S)).value
        chat: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 1}
        status, answer = await self.ask(name, RENDER, chat)
        if status in (403, 404):
            told = answer[:300].decode("utf-8", "replace")
            return f"the engine {name} must be started with --enable-scale-out; it says: {told}"
        try:
            rendered = _Rendered.model_validate(orjson.loads(answer)).token_ids
        except (orjson.JSONDecodeError, ValidationError) as error:
            raise self.unchecked(name, f"a chat to be rendered was answered with {status}") from error
        if spliced(rendered, [(ids, ())]) is None:
            return f"the chat template of the engine {name} does not leave a text the tokens that it has by itself"
        piece = {"stream": True, "model": model, "chat_request": chat, "generate_chunk": {"choices": []}}
        status, answer = await self.ask(name, DERENDER, piece)
        # Without a parser the prompt is not wanted.
        (self._parsing.discard if status == 200 else self._parsing.add)(name)
        if status == 200 or (status == 400 and b"prompt_token_ids" in answer):
            return ""
        raise self.unchecked(name, f"a piece of a stream was answered with {status}")
