"""An engine without a model as a process of its own, to be killed, stopped and started again.

Speaks as much of vLLM's HTTP as the gateway forwards to, and imports nothing heavy:

    python tests/fakes/engine_process.py --port PORT [--model NAME]... [--prefill S] [--gap S] [--status CODE]

``max_tokens`` is the number of words of an answer (5), ``--word-bytes`` the length of each. ``--tokenizer`` is a folder
with a model's tokenizer: only with one does a gateway compress.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from tokenizers import Tokenizer


@dataclass
class EngineProcess:
    """Counts what it is at."""

    options: argparse.Namespace
    received: int = 0
    running: int = 0
    aborted: int = 0
    prompt_bytes: int = 0
    """Of the last body."""

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_get("/health", self.health)
        app.router.add_get("/v1/models", self.models)
        app.router.add_get("/stats", self.stats)
        if self.options.tokenizer:
            self.tokenizer = Tokenizer.from_file(f"{self.options.tokenizer}/tokenizer.json")
            app.router.add_post("/tokenize", self.tokenize)
        for path in ("/v1/chat/completions", "/v1/completions"):
            app.router.add_post(path, self.generate)
        return app

    async def health(self, _request: web.Request) -> web.Response:
        return web.Response()

    async def models(self, _request: web.Request) -> web.Response:
        cards = [
            {"id": name, "object": "model", "root": self.options.tokenizer or name, "parent": None}
            for name in self.options.model
        ]
        return web.json_response({"object": "list", "data": cards})

    async def stats(self, _request: web.Request) -> web.Response:
        told = ("received", "running", "aborted", "prompt_bytes")
        return web.json_response({name: getattr(self, name) for name in told})

    async def tokenize(self, request: web.Request) -> web.Response:
        asked = await request.json()
        ids = self.tokenizer.encode(asked["prompt"], add_special_tokens=asked.get("add_special_tokens", True)).ids
        return web.json_response({"count": len(ids), "max_model_len": 8192, "tokens": ids})

    async def generate(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        self.received += 1
        self.prompt_bytes = request.content_length or 0
        if self.options.status != 200:
            error = {"message": "not now", "type": "server_error", "param": None, "code": self.options.status}
            return web.json_response({"error": error}, status=self.options.status)
        self.running += 1
        try:
            return await (self.stream(request, asked) if asked.get("stream") else self.whole(asked))
        except (asyncio.CancelledError, ConnectionResetError):
            self.aborted += 1
            raise
        finally:
            self.running -= 1

    def words(self, asked: dict[str, Any]) -> list[str]:
        return [f"{n} ".rjust(self.options.word_bytes, "x") for n in range(asked.get("max_tokens") or 5)]

    async def whole(self, asked: dict[str, Any]) -> web.Response:
        words = self.words(asked)
        await asyncio.sleep(self.options.prefill + self.options.gap * len(words))
        message = {"role": "assistant", "content": "".join(words)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": len(words), "total_tokens": 1 + len(words)}
        return web.json_response({"id": "x", "model": self.options.model[0], "choices": [choice], "usage": usage})

    async def stream(self, request: web.Request, asked: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        # As in vLLM, the head goes out before anything is done.
        await response.prepare(request)
        await asyncio.sleep(self.options.prefill)
        for word in self.words(asked):
            chunk = {"id": "x", "choices": [{"index": 0, "delta": {"role": "assistant", "content": word}}]}
            await response.write(b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n")
            if self.options.gap:
                await asyncio.sleep(self.options.gap)
        await response.write(b"data: [DONE]\n\n")
        return response


async def serve(options: argparse.Namespace) -> None:
    """Until killed."""
    runner = web.AppRunner(EngineProcess(options).app(), handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", options.port, backlog=1024).start()
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--tokenizer", default="")
    parser.add_argument("--prefill", type=float, default=0.0)
    parser.add_argument("--gap", type=float, default=0.0)
    parser.add_argument("--word-bytes", type=int, default=4)
    parser.add_argument("--status", type=int, default=200)
    options = parser.parse_args()
    options.model = options.model or ["fake-model"]
    asyncio.run(serve(options))


if __name__ == "__main__":
    main()
