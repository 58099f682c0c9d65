"""An engine that costs next to nothing, so that what stands before it is what gets measured.

    python -m loadtest.passthrough.engine PORT

Answers are fixed bytes. A streamed one goes out as its head and 17 events, each in a turn of the event loop and a
write of its own, as an engine's do; there is no wait between them.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator
from typing import cast

import httptools
import uvloop

MODEL = "fake-model"
CHUNKS = 16
EVENTS = CHUNKS + 1
"""Chunks and ``[DONE]``."""

_STREAM = re.compile(rb'"stream"\s*:\s*true')
_COMMON = b'"id":"chatcmpl-1","created":1790000000,"model":"fake-model"'
_CHUNK = b'{%b,"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":%b}]}'
_USAGE = b'{"prompt_tokens":500,"completion_tokens":16,"total_tokens":516}'
_MESSAGE = b'{"role":"assistant","content":"%b"}' % (b" word" * CHUNKS)
_WHOLE = b'{%b,"object":"chat.completion","choices":[{"index":0,"message":%b,"finish_reason":"stop"}],"usage":%b}' % (
    _COMMON,
    _MESSAGE,
    _USAGE,
)
_MODELS = b'{"object":"list","data":[{"id":"fake-model","object":"model","root":"fake-model","parent":null}]}'


def _answer(body: bytes, status: bytes = b"200 OK") -> bytes:
    head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % (status, len(body)) + body


def _event(data: bytes) -> bytes:
    event = b"data: %b\n\n" % data
    return b"%x\r\n%b\r\n" % (len(event), event)


STREAMED = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n",
    *[_event(_CHUNK % (_COMMON, b"null"))] * (CHUNKS - 1),
    _event(_CHUNK % (_COMMON, b'"stop"')),
    _event(b"[DONE]") + b"0\r\n\r\n",
)
_ANSWERS = {
    b"/health": _answer(b"{}"),
    b"/v1/models": _answer(_MODELS),
    # Not what any tokenizer would say: the gateway compares, and does not compress.
    b"/tokenize": _answer(b'{"count":1,"max_model_len":131072,"tokens":[0]}'),
    b"/v1/chat/completions": _answer(_WHOLE),
}
_UNKNOWN = _answer(b'{"error":{"message":"no such route"}}', b"404 Not Found")


class FastEngine(asyncio.Protocol):
    """One connection; requests on it come one after the other."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.WriteTransport | None = None
        self._url = b""
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what the answers go to."""
        # By name only: uvloop's transports are none of asyncio's classes.
        self._transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop an answer that is under way."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """A request begins."""
        self._url = url
        self._body = []

    def on_body(self, body: bytes) -> None:
        """A part of a request's body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer."""
        if self._url == b"/v1/chat/completions" and _STREAM.search(b"".join(self._body)):
            self._send_next(iter(STREAMED))
        else:
            self._write(_ANSWERS.get(self._url, _UNKNOWN))

    def _send_next(self, parts: Iterator[bytes]) -> None:
        if (part := next(parts, None)) is not None:
            self._write(part)
            self._loop.call_soon(self._send_next, parts)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


async def serve(port: int) -> None:
    """Answer on a loopback port until cancelled."""
    server = await asyncio.get_running_loop().create_server(FastEngine, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
