"""Requests sent by a schedule, whatever becomes of those before: no answer that is late hides another one's wait."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

from loadtest.passthrough.payload import Payload

_TIMEOUT_S = 120.0


@dataclass(slots=True)
class Latencies:
    """Seconds from the moment for which a request was scheduled."""

    first: list[float] = field(default_factory=list)
    """To the first byte of the answer's body."""
    last: list[float] = field(default_factory=list)
    """To its last byte."""
    errors: int = 0


async def open_loop(url: str, payload: Payload, *, rate: float, duration_s: float) -> Latencies:
    """Send ``rate`` requests a second for ``duration_s``, and wait for all answers."""
    found = Latencies()
    body = payload.body
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session, asyncio.TaskGroup() as requests:

        async def request(due: float) -> None:
            try:
                await _request(session, url, body, payload, due, found)
            except (aiohttp.ClientError, TimeoutError):
                found.errors += 1

        await _on_schedule(lambda due: requests.create_task(request(due)), count=round(rate * duration_s), rate=rate)
    return found


async def _request(
    session: aiohttp.ClientSession, url: str, body: bytes, payload: Payload, due: float, found: Latencies
) -> None:
    headers = {"content-type": "application/json"}
    async with session.post(f"{url}/v1/chat/completions", data=body, headers=headers) as response:
        answer = await response.content.readany()
        first = time.perf_counter() - due
        answer += await response.content.read()
        last = time.perf_counter() - due
    if payload.is_whole(response.status, answer):
        found.first.append(first)
        found.last.append(last)
    else:
        found.errors += 1


async def _on_schedule(start: Callable[[float], object], *, count: int, rate: float) -> None:
    """Call ``start`` with each due time when it has come.

    A thread keeps the time: the event loop's own clock ticks in whole milliseconds, as much as is to be measured.
    """
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    began = time.perf_counter() + 0.05

    def keep_time() -> None:
        for number in range(count):
            due = began + number / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            loop.call_soon_threadsafe(start, due)
        loop.call_soon_threadsafe(done.set)

    clock = threading.Thread(target=keep_time, name="schedule", daemon=True)
    clock.start()
    await done.wait()
