"""A worker that starts leaves the listener as those have it that serve already."""

from __future__ import annotations

import os
import socket
from typing import Self

import uvicorn
from semtoken_server.lifecycle.server import GatewayServer
from semtoken_server.lifecycle.state import Lifecycle
from starlette.applications import Starlette


class Watched(socket.socket):
    """Takes note of whether it blocks, for all who share it, whenever it has been copied."""

    blocked: list[bool]

    def dup(self) -> Self:
        """A copy, and a note."""
        copy = super().dup()
        self.blocked.append(os.get_blocking(self.fileno()))
        return copy


async def test_the_listener_never_blocks_while_it_is_copied() -> None:
    listening = Watched()
    listening.blocked = []
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    # By another process, of which the object here knows nothing: it believes that it blocks.
    os.set_blocking(listening.fileno(), False)
    assert listening.gettimeout() is None
    config = uvicorn.Config(Starlette(), lifespan="off", log_config=None)
    config.load()
    server = GatewayServer(config, Lifecycle(), drain_delay_s=0, drain_s=0)
    server.lifespan = config.lifespan_class(config)
    await server.startup([listening])
    try:
        assert len(listening.blocked) > 1
        assert not any(listening.blocked)
    finally:
        await server.shutdown([listening])
