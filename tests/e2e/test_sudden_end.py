"""The engine is gone when the gateway is gone, also when nobody could clean up.

Runs after the other files of this folder, by its name: it ends the gateway that they share.
"""

from __future__ import annotations

import os
import signal
import socket

import httpx
import pytest
from e2e.real_gateway import RealGateway, descendants, eventually, running

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]


def test_kill_9_of_the_gateway_leaves_no_process_of_the_engine(gateway: RealGateway) -> None:
    started = descendants(gateway.process.pid)
    assert any("vllm" in command for command in started.values())
    # The API server, its guard and the engine core at least.
    assert len(started) >= 3
    os.kill(gateway.process.pid, signal.SIGKILL)
    gateway.process.wait()
    eventually(lambda: not any(map(running, started)), f"left running, of {started}")
    port = httpx.URL(gateway.engine_url).port
    assert port is not None
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
