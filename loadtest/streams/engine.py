"""An engine whose streams have a pace, each event with the time at which it was sent.

    python -m loadtest.streams.engine PORT INTERVAL_MS

A stream has as many tokens as the request's ``max_tokens``, one every ``INTERVAL_MS``.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time

import uvloop

from loadtest.passthrough.engine import STREAMED, FastEngine

_STREAM = re.compile(rb'"stream"\s*:\s*true')
_MAX_TOKENS = re.compile(rb'"max_tokens"\s*:\s*(\d+)')
_TOKENS = 16
_EVENT = (
    b'data: {"id":"chatcmpl-1","created":1790000000,"model":"fake-model","object":"chat.completion.chunk",'
    b'"choices":[{"index":0,"delta":{"content":" %d"},"finish_reason":%b}]}\n\n'
)
_END = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


class PacedEngine(FastEngine):
    """One connection; a token says when it was sent, in nanoseconds of ``time.perf_counter_ns``.

    On Linux that clock is the same in all processes.
    """

    interval_s = 0.2

    def on_message_complete(self) -> None:
        """Answer."""
        body = b"".join(self._body)
        if self._url != b"/v1/chat/completions" or not _STREAM.search(body):
            super().on_message_complete()
            return
        asked = _MAX_TOKENS.search(body)
        self._write(STREAMED[0])
        self._next_token(int(asked[1]) if asked else _TOKENS)

    def _next_token(self, left: int) -> None:
        event = _EVENT % (time.perf_counter_ns(), b'"stop"' if left == 1 else b"null")
        self._write(b"%x\r\n%b\r\n" % (len(event), event))
        if left > 1:
            self._loop.call_later(self.interval_s, self._next_token, left - 1)
        else:
            self._write(_END)


async def serve(port: int, interval_ms: float) -> None:
    """Answer on a loopback port until cancelled."""
    PacedEngine.interval_s = interval_ms / 1000
    server = await asyncio.get_running_loop().create_server(PacedEngine, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2])))
