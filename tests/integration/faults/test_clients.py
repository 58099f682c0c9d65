"""Clients that go away and clients that do not read."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import orjson
from fakes.fleet import engines, gateway_before
from fakes.serving import Served
from integration.faults.conftest import Note
from integration.faults.outcomes import CHAT, asked

MIB = 2**20
POURED = 200 * MIB
WORD = MIB // 4


async def test_the_engine_stops_within_a_second_of_the_client_s_leaving(note: Note) -> None:
    slow = ("--gap", "0.05")
    async with engines(slow, slow) as (one, other), gateway_before(one.url, other.url) as served:
        for stream in (True, False):
            begun = [asyncio.create_task(_begin(served, stream)) for _ in range(10)]
            await one.until_running(5)
            await other.until_running(5)
            for task in begun:
                task.cancel()
            left = time.monotonic()
            await asyncio.gather(*begun, return_exceptions=True)
            await one.until_running(0)
            await other.until_running(0)
            took = time.monotonic() - left
            # Generous: a busy machine is no fault of the gateway's.
            assert took < 5
            note(f"engines idle {took:.2f} s after 10 clients left (stream: {stream})")
        assert (await one.stats())["received"] == 10
        assert served.metric("semtoken_engine_retries_total") == 0


async def test_a_client_that_gives_up_is_not_retried() -> None:
    async with engines(("--status", "503")) as (one,), gateway_before(one.url, engine_retries=10) as served:
        for _ in range(10):
            try:
                await served.client.post(CHAT, json=asked(stream=True), timeout=0.05)
            except httpx.TimeoutException:
                continue
        await asyncio.sleep(0.5)
        settled = (await one.stats())["received"]
        await asyncio.sleep(1.5)
        assert (await one.stats())["received"] == settled


async def test_a_client_that_does_not_read_takes_a_bounded_amount_of_memory(note: Note) -> None:
    """200 MB are on their way to four clients each; the gateway is in this process."""
    async with engines(("--word-bytes", str(WORD))) as (one,), gateway_before(one.url) as served:
        before = _resident_bytes()
        writers = [await _ask_and_do_not_read(served) for _ in range(4)]
        await one.until_running(4)
        highest = 0
        for _ in range(30):
            await asyncio.sleep(0.1)
            highest = max(highest, _resident_bytes())
        grown = highest - before
        note(f"resident memory grew by {grown / MIB:.1f} MiB with 4 clients that do not read 200 MiB each")
        # Still at it: what is not read is not sent either.
        assert (await one.stats())["running"] == 4
        assert grown < 64 * MIB
        for writer in writers:
            writer.close()
        await one.until_running(0)


async def _begin(served: Served, stream: bool) -> None:
    async with served.client.stream("POST", CHAT, json=asked(stream=stream, words=1000)) as response:
        async for _ in response.aiter_bytes():
            pass


async def _ask_and_do_not_read(served: Served) -> asyncio.StreamWriter:
    url = httpx.URL(served.url)
    reader, writer = await asyncio.open_connection(url.host, url.port, limit=1024)
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    body = orjson.dumps(asked(stream=True, words=POURED // WORD))
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    return writer


def _resident_bytes() -> int:
    """Of this process, now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
