"""The simulated engine as a process: as much of vLLM's HTTP as the gateway and the load test use.

    python -m loadtest.simulated.engine PORT TOKENIZER [--prefill 2000] [--decode 40] [--running 8]

``TOKENIZER`` is the folder of the model whose tokenizer counts. An answer is ``max_tokens`` times the same word.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from tokenizers import Tokenizer

from loadtest.simulated.cost import Cost, Machine

MODEL = "simulated"
_MAX_LEN = 32_768
_METRICS = """# TYPE vllm:prefix_cache_queries counter
vllm:prefix_cache_queries_total {queries}
# TYPE vllm:prefix_cache_hits counter
vllm:prefix_cache_hits_total {hits}
"""


class SimulatedEngine:
    """Counts tokens for real; makes up how long they take."""

    def __init__(self, tokenizer: Path, machine: Machine) -> None:
        self._folder = tokenizer
        self._tokenizer = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
        self._machine = machine

    def app(self) -> web.Application:
        """Its routes."""
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_get("/health", self.health)
        app.router.add_get("/metrics", self.metrics)
        app.router.add_get("/v1/models", self.models)
        app.router.add_post("/tokenize", self.tokenize)
        app.router.add_post("/v1/chat/completions", self.chat)
        return app

    async def health(self, _request: web.Request) -> web.Response:
        """Always well."""
        return web.Response()

    async def metrics(self, _request: web.Request) -> web.Response:
        """The counters of the prefix cache."""
        cache = self._machine.cache
        return web.Response(text=_METRICS.format(queries=cache.queries, hits=cache.hits))

    async def models(self, _request: web.Request) -> web.Response:
        """The one model."""
        card = {"id": MODEL, "object": "model", "root": str(self._folder), "parent": None, "max_model_len": _MAX_LEN}
        return web.json_response({"object": "list", "data": [card]})

    async def tokenize(self, request: web.Request) -> web.Response:
        """What the gateway compares its own tokenizer with."""
        asked = await request.json()
        ids = self._tokenizer.encode(asked["prompt"], add_special_tokens=asked.get("add_special_tokens", True)).ids
        return web.json_response({"count": len(ids), "max_model_len": _MAX_LEN, "tokens": ids})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """A streamed answer."""
        asked = await request.json()
        prompt = self._tokenizer.encode("\n".join(_texts(asked["messages"]))).ids
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        # As in vLLM, the head goes out before anything is done.
        await response.prepare(request)
        count = int(asked.get("max_tokens") or asked.get("max_completion_tokens") or 16)
        async with self._machine.running(prompt):
            for number in range(count):
                await self._machine.token()
                end = "length" if number == count - 1 else None
                choice = {"index": 0, "delta": {"content": " word"}, "finish_reason": end}
                await response.write(_event(choices=[choice]))
        usage = {"prompt_tokens": len(prompt), "completion_tokens": count, "total_tokens": len(prompt) + count}
        await response.write(_event(choices=[], usage=usage))
        await response.write(b"data: [DONE]\n\n")
        return response


def _texts(messages: list[Mapping[str, Any]]) -> Iterator[str]:
    for message in messages:
        content = message["content"]
        # A compressed message may come as parts.
        yield content if isinstance(content, str) else "".join(part.get("text", "") for part in content or ())


def _event(**fields: Any) -> bytes:
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": MODEL, **fields}
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


async def serve(port: int, tokenizer: Path, cost: Cost) -> None:
    """Answer on a loopback port until cancelled."""
    runner = web.AppRunner(SimulatedEngine(tokenizer, Machine(cost)).app(), handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("--prefill", type=float, default=Cost().prefill)
    parser.add_argument("--decode", type=float, default=Cost().decode)
    parser.add_argument("--running", type=int, default=Cost().running)
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.tokenizer, Cost(options.prefill, options.decode, options.running)))


if __name__ == "__main__":
    main()
