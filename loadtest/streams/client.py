"""Streams that are always as many: each that ends is followed by another, over a connection of its own."""

from __future__ import annotations

import asyncio
import re
import time
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import orjson

from loadtest.passthrough.engine import MODEL

_SENT = re.compile(rb'"content":" (\d+)"')
_GRACE_S = 30.0


@dataclass(slots=True)
class Measured:
    """Seconds, of all streams; and what went wrong, by kind."""

    first: array[float] = field(default_factory=lambda: array("d"))
    """From a request's dispatch, connecting included, to the first event."""
    gaps: array[float] = field(default_factory=lambda: array("d"))
    """Between the events of a stream."""
    transit: array[float] = field(default_factory=lambda: array("d"))
    """From the engine's write of an event to its arrival."""
    whole: int = 0
    errors: Counter[str] = field(default_factory=Counter)


class _Stream(asyncio.Protocol):
    """One request, and its answer to the end."""

    def __init__(self, request: bytes, tokens: int, measured: Measured, began: float, record: bool) -> None:
        self._request = request
        self._left = tokens
        self._measured = measured
        self._last = began
        self._record = record
        self._gaps: array[float] | None = None
        self._tail = b""
        self._transport: asyncio.Transport | None = None
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # By name only: uvloop's transports are none of asyncio's classes.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        text = self._tail + data
        found = _SENT.findall(text)
        self._tail = text[-256:] if not found else text[text.rindex(found[-1]) + len(found[-1]) :]
        self._left -= len(found)
        if self._record:
            for sent in found:
                self._take(now, int(sent))
        if self._tail.endswith(b"0\r\n\r\n"):
            whole = b"data: [DONE]" in self._tail and self._left == 0
            self._end("" if whole else f"not whole: {self._tail[-200:]!r}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(f"cut: {self._tail[-200:]!r}")

    def cut(self) -> None:
        """Give up."""
        if self._transport is not None:
            self._transport.abort()

    def _take(self, now: float, sent_ns: int) -> None:
        measured = self._measured
        (measured.first if self._gaps is None else measured.gaps).append(now - self._last)
        measured.transit.append(now - sent_ns / 1e9)
        self._gaps, self._last = measured.gaps, now

    def _end(self, fault: str) -> None:
        if not self.ended.done():
            self.ended.set_result(fault)
            self.cut()


async def keep_streams(url: str, *, streams: int, tokens: int, seconds: float, interval_s: float) -> Measured:
    """Keep so many streams of so many tokens running; those that begin within ``seconds`` are measured.

    Before that it takes one stream's length until as many run as are wanted, their beginnings spread evenly.
    """
    measured = Measured()
    length_s = tokens * interval_s
    opens = time.perf_counter() + length_s
    closes = opens + seconds
    async with asyncio.TaskGroup() as group:
        for number in range(streams):
            delay = length_s * number / streams
            group.create_task(_one_after_the_other(url, tokens, measured, delay, (opens, closes)))
    return measured


async def _one_after_the_other(
    url: str, tokens: int, measured: Measured, delay: float, window: tuple[float, float]
) -> None:
    loop = asyncio.get_running_loop()
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    request = _request(parts.netloc, tokens)
    await asyncio.sleep(delay)
    while (began := time.perf_counter()) < window[1]:
        record = began >= window[0]
        stream = _Stream(request, tokens, measured, began, record)
        try:
            async with asyncio.timeout(window[1] - window[0] + _GRACE_S):
                await loop.create_connection(lambda stream=stream: stream, host, port)  # type: ignore[misc]
                fault = await stream.ended
        except (OSError, TimeoutError) as error:
            fault = f"{type(error).__name__}: {error}"
            stream.cut()
        if fault:
            measured.errors[fault] += 1
        else:
            measured.whole += 1


def _request(host: str, tokens: int) -> bytes:
    messages = [
        {"role": "system", "content": "Answer briefly."},
        {"role": "user", "content": "What is the mill? " * 30},
    ]
    body = orjson.dumps({"model": MODEL, "messages": messages, "stream": True, "max_tokens": tokens})
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: %b\r\ncontent-type: application/json\r\n" % host.encode()
    return head + b"content-length: %d\r\n\r\n" % len(body) + body
