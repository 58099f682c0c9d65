"""An engine without a model: a real server on loopback that speaks vLLM's routes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from fakes.encoders import small_tokenizer

WORDS = ("The", " answer", " is", " 42", ".")
USAGE = {"prompt_tokens": 7, "completion_tokens": len(WORDS), "total_tokens": 7 + len(WORDS)}


@dataclass
class FakeEngine:
    """Answers every generation with ``WORDS``, remembers what it got, and can be told to misbehave."""

    bodies: list[dict[str, Any]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    aborted: int = 0
    finished: int = 0
    stall_s: float = 0.0
    die_after: int | None = None
    wrong_ids: bool = False
    healthy: bool = True

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 * 2**20)
        app.add_routes(
            [
                web.get("/health", self._health),
                web.get("/v1/models", self._models),
                web.post("/tokenize", self._tokenize),
                web.post("/detokenize", self._echo),
                web.post("/v1/embeddings", self._echo),
                web.post("/v1/chat/completions", self._generate),
                web.post("/v1/completions", self._generate),
                web.post("/sleep", self._echo),
            ]
        )
        return app

    def server(self) -> TestServer:
        # Only with cancellation does a handler learn that its client has gone, as vLLM's do.
        return TestServer(self.app(), handler_cancellation=True)

    async def _health(self, _request: web.Request) -> web.Response:
        return web.Response(status=200 if self.healthy else 503)

    async def _models(self, _request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "small", "object": "model", "root": "small"}]})

    async def _tokenize(self, request: web.Request) -> web.Response:
        asked = await request.json()
        ids = small_tokenizer().ids(asked["prompt"], special_tokens=asked.get("add_special_tokens", True))
        ids = [0, *ids] if self.wrong_ids else ids
        return web.json_response({"count": len(ids), "max_model_len": 8192, "tokens": ids})

    async def _echo(self, request: web.Request) -> web.Response:
        return web.Response(body=await request.read(), content_type="application/json")

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        self.raw.append(raw)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        body = json.loads(raw)
        self.bodies.append(body)
        if not isinstance(body.get("model", ""), str):
            return web.json_response({"error": {"message": "model", "type": "BadRequestError"}}, status=400)
        try:
            await asyncio.sleep(self.stall_s)
            response = await self._stream(request, body) if body.get("stream") else self._whole()
        except asyncio.CancelledError:
            self.aborted += 1
            raise
        self.finished += 1
        return response

    def _whole(self) -> web.Response:
        message = {"role": "assistant", "content": "".join(WORDS)}
        choice = {"index": 0, "message": message, "text": "".join(WORDS), "finish_reason": "stop"}
        return web.json_response({"id": "x", "object": "chat.completion", "choices": [choice], "usage": USAGE})

    async def _stream(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        for number, word in enumerate(WORDS):
            if number == self.die_after:
                if request.transport is not None:
                    request.transport.abort()
                return response
            delta = {"id": "x", "choices": [{"index": 0, "delta": {"content": word}, "text": word}]}
            await response.write(b"data: " + json.dumps(delta, separators=(",", ":")).encode() + b"\n\n")
            await asyncio.sleep(0.01 + self.stall_s)
        if (body.get("stream_options") or {}).get("include_usage"):
            last = {"id": "x", "choices": [], "usage": USAGE}
            await response.write(b"data: " + json.dumps(last, separators=(",", ":")).encode() + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response
