"""Clients that ask one thing after the other, and what became of each request."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import aiohttp
from integration.lifecycle.conftest import CHAT, chat

Outcome = Literal["whole", "error before the first byte", "error event", "cut after the first byte", "lost"]
TOKENS = 10
_APART_S = 0.06


class Load:
    """Counts of outcomes, by whether a stream was asked for."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = False
        self.counts: Counter[Outcome] = Counter()
        self.statuses: Counter[int] = Counter()
        """How often each status came; 0 where none did."""
        self.odd: list[str] = []
        """What was neither whole nor in order."""

    async def client(self, number: int) -> None:
        """Ask until told to stop; half of the clients ask for streams.

        Not every second one: taken in turns by two gateways, one would get all streams.
        """
        # Spread, so that at no moment all streams have just ended.
        await asyncio.sleep(number * _APART_S)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
            while not self._over:
                self.counts[await self._ask(session, stream=number % 4 < 2)] += 1
                await asyncio.sleep(0.02)

    def stop(self) -> None:
        """Let the requests under way be the last."""
        self._over = True

    async def _ask(self, session: aiohttp.ClientSession, *, stream: bool) -> Outcome:
        received = b""
        status = 0
        try:
            async with session.post(self._url + CHAT, json=chat(TOKENS, stream=stream)) as answer:
                status = answer.status
                async for chunk in answer.content.iter_any():
                    received += chunk
        except (aiohttp.ClientError, TimeoutError) as error:
            self.odd.append(f"{status} {error!r} {received[-100:]!r}")
            # A head that has come is the first byte, too.
            return "cut after the first byte" if status else "lost"
        finally:
            self.statuses[status] += 1
        return self._outcome(status, received, stream)

    def _outcome(self, status: int, received: bytes, stream: bool) -> Outcome:
        if status == 200 and (received.endswith(b"data: [DONE]\n\n") if stream else b'"choices"' in received):
            return "whole"
        self.odd.append(f"{status} {received[-200:]!r}")
        if status == 200 and stream:
            return "error event" if b'data: {"error"' in received else "cut after the first byte"
        return "error before the first byte" if well_formed(received) else "lost"


def well_formed(body: bytes) -> bool:
    """Whether it is an error in OpenAI's form."""
    try:
        error = json.loads(body)["error"]
        return bool(error["message"]) and bool(error["type"])
    except (ValueError, KeyError, TypeError):
        return False


@asynccontextmanager
async def loaded(url: str, clients: int = 16) -> AsyncIterator[Load]:
    """Clients ask as long as this lasts, and get their last answers before it ends."""
    load = Load(url)
    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(load.client(number))
        await asyncio.sleep(2.0)
        yield load
        await asyncio.sleep(1.0)
        load.stop()
