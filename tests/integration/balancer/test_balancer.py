"""Two gateways behind a balancer under load: restarted one after the other, then one killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from fakes.processes import members
from integration.balancer.conftest import Balancer, balancer, command
from integration.balancer.load import Load, loaded
from integration.lifecycle.conftest import Gateway, Serve

NAMES = pytest.mark.parametrize("name", ["haproxy", "nginx"])
DRAIN_DELAY_S = 4


def told(capsys: pytest.CaptureFixture[str], what: str, load: Load) -> None:
    """The counts, for docs/reliability.md."""
    with capsys.disabled():
        sys.stdout.write(f"\n{what}: {sum(load.counts.values())} requests, {dict(load.counts)}\n")


def restarted(serve: Serve, gateway: Gateway) -> Gateway:
    """Stopped as an orchestrator stops it, and started again at the same address."""
    gateway.signal(signal.SIGTERM)
    assert gateway.ended(60) == 0
    return serve(port=int(gateway.url.rpartition(":")[2]), drain_delay_s=DRAIN_DELAY_S)


@NAMES
async def test_restarts_lose_nothing_and_a_death_only_what_had_begun(
    name: Balancer, serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(name)
    gateways = [serve(drain_delay_s=DRAIN_DELAY_S) for _ in range(2)]
    with balancer(name, [gateway.url for gateway in gateways], tmp_path) as url:
        async with loaded(url) as load:
            for number in range(2):
                gateways[number] = await asyncio.to_thread(restarted, serve, gateways[number])
                # The balancer must have taken it back in before the other one goes.
                await asyncio.sleep(3)
        told(capsys, f"{name}, rolling restart", load)
        assert set(load.counts) == {"whole"}, load.odd

        async with loaded(url) as load:
            for pid in members(gateways[0].process.pid):
                os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(4)
        told(capsys, f"{name}, kill -9", load)
        assert load.counts["lost"] == 0, load.odd
        assert load.counts["error event"] == 0, load.odd
        # Of 16 clients half have streams, and some of those went to the one that died.
        assert 1 <= load.counts["cut after the first byte"] <= 8, load.odd
        assert load.counts["whole"] > 50


@NAMES
async def test_without_any_gateway_the_error_is_well_formed(name: Balancer, serve: Serve, tmp_path: Path) -> None:
    command(name)
    gateway = serve(drain_delay_s=0)
    with balancer(name, [gateway.url, gateway.url], tmp_path) as url:
        gateway.signal(signal.SIGTERM)
        assert await asyncio.to_thread(gateway.ended, 60) == 0
        async with loaded(url, clients=4) as load:
            pass
        assert set(load.counts) == {"error before the first byte"}, load.odd
