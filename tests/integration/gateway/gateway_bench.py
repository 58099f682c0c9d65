"""A gateway on a real socket before an engine without a model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from fakes.encoders import HashEncoder, small_tokenizer
from fakes.engine import FakeEngine
from semtoken import Compressor
from semtoken_server.compression.library import CompressorLike


@dataclass(frozen=True, slots=True)
class Bench:
    """A running gateway, a client of it, and the engine behind it."""

    client: httpx.AsyncClient
    engine: FakeEngine
    url: str

    async def eventually(self, condition: Callable[[], bool], within_s: float = 5.0) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            await asyncio.sleep(0.02)


def whole_library(_tokenizer: str) -> CompressorLike:
    return Compressor(HashEncoder(), small_tokenizer())


Start = Callable[..., AbstractAsyncContextManager[Bench]]


@asynccontextmanager
async def serve(app: Any) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", ws="none"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


NAMES = ("Anna", "Boris", "Clara", "David", "Erika", "Fahim", "Grete")
DOCUMENT = "".join(f"{NAMES[k % 7]} stored crate {k * 13} in hall {k % 5} by the river gate. " for k in range(60))
QUESTION = "Who stored crate 130?"
CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"{DOCUMENT}\n\n{QUESTION}"}]


def body(**more: Any) -> dict[str, Any]:
    return {"model": "small", "messages": CHAT, **more}
