"""Whether the gateway's tokenizer is the engine's: token counts and ids mean nothing otherwise."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import orjson
from pydantic import BaseModel, ValidationError

from semtoken_server.compression.backend import CompressorBackend
from semtoken_server.engine_checks.serving import serving
from semtoken_server.engines.base import Engine, EngineRequest
from semtoken_server.engines.models import served_model
from semtoken_server.errors import CompressionUnavailableError, EngineError

# Where tokenizers differ: case, spaces, digits, scripts, combining marks, emoji, code, control tokens.
TEXTS = (
    "The quick brown fox jumps over the lazy dog.",
    "  leading, doubled  and trailing spaces \n\n\tand a tab",
    "3.14159 1,000,000 2026-11-24 0xDEADBEEF 50% €99.95",
    "Привет, мир! Съешь ещё этих мягких французских булок.",
    "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία.",
    "مرحبا بالعالم، كيف حالك؟",
    "नमस्ते दुनिया। आप कैसे हैं?",
    "你好，世界。人工智能正在改变一切。こんにちは世界。สวัสดีชาวโลก",
    "e\u0301 vs é, ﬁ ligature, ① ½, zero\u200bwidth",
    "👩\u200d👩\u200d👧\u200d👦 🇪🇺 👍🏽",
    "def f(x):\n    return {'a': [x ** 2 for _ in range(10)]}  # comment",
    "<s>[INST] <|im_start|>user <|endoftext|> </s> <unk> [MASK]",
)
_LOCAL_TIMEOUT_S = 60.0


class _Tokens(BaseModel):
    tokens: list[int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one engine process, or of all: ``pending`` until it has been asked."""

    state: Literal["pending", "match", "mismatch", "unavailable"]
    detail: str = ""


_PENDING = Verdict("pending", "the tokenizers have not been compared yet")
_REASONS = {"pending": "tokenizer_unchecked", "mismatch": "tokenizer_mismatch", "unavailable": "tokenizer_unchecked"}


class TokenizerCheck:
    """Compares token ids with every engine process, anew whenever one comes up."""

    def __init__(self, engine: Engine, backend: CompressorBackend, *, retry_s: float = 10.0) -> None:
        self._engine = engine
        self._backend = backend
        self._retry_s = retry_s
        self._verdicts: dict[str, tuple[int, Verdict]] = {}

    def verdict(self, model: str | None = None) -> Verdict:
        """The worst verdict on the healthy engines that serve ``model``, so that no request meets a wrong one.

        Where no model is named, on all of them.
        """
        found = [self._of(name) for name in serving(self._engine, model)] or [_PENDING]
        order = ("mismatch", "pending", "unavailable", "match")
        return min(found, key=lambda verdict: order.index(verdict.state))

    def require_match(self, model: str | None) -> None:
        """Raises ``CompressionUnavailableError`` unless the tokenizers are known to be the same for ``model``."""
        # Without a compressor its own reason is the one worth telling.
        verdict = self.verdict(model)
        if verdict.state != "match" and self._backend.state.phase == "ready":
            raise CompressionUnavailableError(_REASONS[verdict.state], verdict.detail)

    async def run(self) -> None:
        """Check engines as they come up, until cancelled; one that could not be asked is asked again."""
        while True:
            while unchecked := [name for name in serving(self._engine, None) if self._is_new(name)]:
                for name in unchecked:
                    await self._check(name)
            # Nothing was awaited since the engines were looked at, so no change is missed.
            unasked = [name for name in serving(self._engine, None) if self._of(name).state == "unavailable"]
            with suppress(TimeoutError):
                async with asyncio.timeout(self._retry_s if unasked else None):
                    await self._engine.wait_for_change()
            for name in unasked:
                await self._check(name)

    async def _check(self, name: str) -> None:
        epoch = self._engine.epoch[name]
        try:
            ours = await self._backend.token_ids(TEXTS, timeout_s=_LOCAL_TIMEOUT_S)
            verdict = await self._compare(name, ours.value)
        except (EngineError, CompressionUnavailableError) as error:
            verdict = Verdict("unavailable", f"{name}: {error}")
        self._verdicts[name] = (epoch, verdict)

    async def _compare(self, name: str, ours: list[list[int]]) -> Verdict:
        model = await served_model(self._engine, name)
        for text, local in zip(TEXTS, ours, strict=True):
            body = orjson.dumps({"model": model.id, "prompt": text, "add_special_tokens": False})
            headers = {"content-type": "application/json"}
            response = await self._engine.send(EngineRequest("POST", "/tokenize", body, headers), endpoint=name)
            answer = await response.read()
            try:
                remote = _Tokens.model_validate(orjson.loads(answer)).tokens
            except (orjson.JSONDecodeError, ValidationError):
                return Verdict("unavailable", f"{name}: /tokenize answered {response.status} without tokens")
            if remote != local:
                return Verdict("mismatch", f"{name}: {text!r} is {len(remote)} tokens there and {len(local)} here")
        return Verdict("match")

    def _of(self, name: str) -> Verdict:
        return _PENDING if self._is_new(name) else self._verdicts[name][1]

    def _is_new(self, name: str) -> bool:
        return name not in self._verdicts or self._verdicts[name][0] != self._engine.epoch[name]
