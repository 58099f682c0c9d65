"""A TCP proxy that delays, cuts and corrupts what an engine answers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from typing import Self


@dataclass
class Proxy:
    """Sits between the gateway and the engine at ``port``; faults count bytes of one connection's answers.

    Health checks and lists of models pass untouched: they go over connections whose first request is a GET.
    """

    port: int
    delay_s: float = 0.0
    """Before each piece of an answer."""
    cut_after: int | None = None
    """Bytes after which the connection is reset."""
    corrupt_at: int | None = None
    """Which byte comes out with its bits turned round."""
    silent: bool = False
    """Answers do not come through at all."""
    url: str = ""
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _clients: list[asyncio.StreamWriter] = field(default_factory=list)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self._ended.set()
        for writer in self._clients:
            writer.transport.abort()
        await asyncio.gather(*self._tasks)

    def _accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self._clients.append(to_client)
        task = asyncio.create_task(self._serve(client, to_client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            engine, to_engine = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            to_client.close()
            return
        faults = _Faults(self)
        up = asyncio.create_task(self._up(client, to_engine, faults))
        try:
            await self._down(engine, to_client, faults)
        finally:
            up.cancel()
            await asyncio.gather(up, return_exceptions=True)
            for writer in (to_client, to_engine):
                writer.close()

    async def _up(self, client: asyncio.StreamReader, to_engine: asyncio.StreamWriter, faults: _Faults) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await client.read(65536):
                # A connection is kept for both kinds of requests.
                if piece.startswith((b"GET ", b"POST ")):
                    faults.begin(piece.startswith(b"POST "))
                to_engine.write(piece)
                await to_engine.drain()
        # The client has hung up: the engine must learn of it.
        to_engine.close()

    async def _down(self, engine: asyncio.StreamReader, to_client: asyncio.StreamWriter, faults: _Faults) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await engine.read(65536):
                await asyncio.sleep(self.delay_s if faults.on else 0.0)
                if faults.on and self.silent:
                    await self._ended.wait()
                passed, cut = faults.apply(piece)
                to_client.write(passed)
                await to_client.drain()
                if cut:
                    _reset(to_client)
                    return


class _Faults:
    """Those of one connection; a request's answer is counted from its own first byte."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._seen = 0
        self.on = False

    def begin(self, on: bool) -> None:
        self.on = on
        self._seen = 0

    def apply(self, piece: bytes) -> tuple[bytes, bool]:
        """What is left of a piece, and whether the connection ends after it."""
        if not self.on:
            return piece, False
        start, self._seen = self._seen, self._seen + len(piece)
        at = self._proxy.corrupt_at
        if at is not None and start <= at < self._seen:
            spoilt = bytearray(piece)
            spoilt[at - start] ^= 0xFF
            piece = bytes(spoilt)
        cut = self._proxy.cut_after
        return (piece[: max(0, cut - start)], True) if cut is not None and cut < self._seen else (piece, False)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Hang up without a farewell."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
