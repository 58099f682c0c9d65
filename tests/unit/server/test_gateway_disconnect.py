"""Work that stops when its client goes away, and only then."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from semtoken_server.disconnect import until_disconnect
from semtoken_server.errors import ClientDisconnectedError


class Client:
    """The receiving side of a request whose body has been read."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.waiting = 0

    async def receive(self) -> dict[str, Any]:
        self.waiting += 1
        try:
            await self.gone.wait()
        finally:
            self.waiting -= 1
        return {"type": "http.disconnect"}


async def test_work_that_ends_gives_its_result() -> None:
    client = Client()

    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    assert await until_disconnect(client.receive, work()) == 7
    await asyncio.sleep(0)
    assert client.waiting == 0
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_work_stops_and_cleans_up_when_the_client_goes() -> None:
    client, cleaned = Client(), asyncio.Event()

    async def work() -> None:
        try:
            client.gone.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    with pytest.raises(ClientDisconnectedError):
        await until_disconnect(client.receive, work())
    assert cleaned.is_set()
    # The task lives on: it has to answer for the request.
    await asyncio.sleep(0)


async def test_an_error_of_the_work_is_its_own() -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await until_disconnect(Client().receive, work())


async def test_who_cancels_from_outside_gets_a_cancellation() -> None:
    client = Client()
    task = asyncio.create_task(until_disconnect(client.receive, asyncio.sleep(60)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert client.waiting == 0


async def test_a_client_that_goes_as_the_work_ends_disturbs_nobody() -> None:
    for turns in range(6):
        client = Client()

        async def work(client: Client = client, turns: int = turns) -> str:
            await asyncio.sleep(0)
            client.gone.set()
            for _ in range(turns):
                await asyncio.sleep(0)
            return "done"

        try:
            assert await until_disconnect(client.receive, work()) == "done"
        except ClientDisconnectedError:
            assert turns > 1
        for _ in range(4):
            await asyncio.sleep(0)
        assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]
