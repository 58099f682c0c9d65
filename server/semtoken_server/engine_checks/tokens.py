"""Whether the engines have the routes by which a chat goes as token ids."""

from __future__ import annotations

from typing import Any, ClassVar

from semtoken_server.compression.backend import CompressorBackend
from semtoken_server.engine_checks.realisable import RealisableCheck
from semtoken_server.engines.base import Engine
from semtoken_server.token_chats.routes import DERENDER, RENDER


class TokensCheck(RealisableCheck):
    """Has an engine render a chat, and make a chat's answer of an empty piece of a stream."""

    realise: ClassVar[str] = "tokens"
    unasked: ClassVar[str] = "tokens_unchecked"

    def __init__(self, engine: Engine, backend: CompressorBackend) -> None:
        super().__init__(engine, backend)
        self._plain: dict[str, int] = {}

    def parses(self, name: str | None) -> bool:
        """Whether an engine may parse tool calls or reasoning out of its answers, and so wants to know the prompt."""
        return name is None or self._plain.get(name) != self._engine.epoch.get(name)

    async def fault(self, name: str, model: str) -> str:
        """What is wrong with an engine, or nothing."""
        chat: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}
        status, answer = await self.ask(name, RENDER, chat)
        if status in (403, 404):
            told = answer[:300].decode("utf-8", "replace")
            return f"the engine {name} must be started with --enable-scale-out; it says: {told}"
        if status != 200:
            raise self.unchecked(name, f"a chat to be rendered was answered with {status}")
        epoch = self._engine.epoch[name]
        piece = {"stream": True, "model": model, "chat_request": chat, "generate_chunk": {"choices": []}}
        status, answer = await self.ask(name, DERENDER, piece)
        if status == 200:
            # No parser, else the prompt would have been wanted.
            self._plain[name] = epoch
        elif status != 400 or b"prompt_token_ids" not in answer:
            raise self.unchecked(name, f"a piece of a stream was answered with {status}")
        return ""
