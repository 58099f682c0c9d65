"""Two gateways behind a balancer: under load restarted one after the other, killed, gone; what is let in and logged."""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import signal
import sys
from pathlib import Path

import httpx
import pytest
from fakes.keys import entry, write_keys
from fakes.processes import members
from integration.balancer.conftest import Balancer, balancer, command, vanished
from integration.balancer.load import Load, loaded
from integration.lifecycle.conftest import CHAT, Gateway, Serve, chat, eventually

NAMES = pytest.mark.parametrize("name", ["haproxy", "nginx"])
# The default beyond loopback.
DRAIN_DELAY_S = 5
OPERATORS = ("/metrics", "/health/ready", "/health/live", "/playground")
ENCODED = ("/%6detrics", "/%68ealth/ready", "/health%2flive", "/%70laygroun%64")
ROUNDABOUT = ("/metrics?a=1", "//metrics", "/v1/../metrics", "/%256detrics")


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
        assert set(load.statuses) == {503}


@NAMES
async def test_a_gateway_that_is_gone_costs_time_and_no_request(name: Balancer, serve: Serve, tmp_path: Path) -> None:
    command(name)
    with vanished() as gone, balancer(name, [serve().url, gone], tmp_path) as url:
        # Longer than nginx leaves it alone, so that a request tries it.
        async with loaded(url, clients=8) as load:
            await asyncio.sleep(5)
        assert set(load.counts) == {"whole"}, load.odd


def status_of(url: str, path: str) -> int:
    """Of a GET whose path goes out as it is."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


@NAMES
def test_what_is_the_operators_does_not_pass(name: Balancer, serve: Serve, tmp_path: Path) -> None:
    command(name)
    gateway = serve()
    assert {status_of(gateway.url, path) for path in (*OPERATORS, *ENCODED)} == {200}
    with balancer(name, [gateway.url, gateway.url], tmp_path) as url:
        assert status_of(url, "/v1/models") == 200
        passed = {path: status_of(url, path) for path in (*OPERATORS, *ENCODED, *ROUNDABOUT)}
    assert passed == dict.fromkeys(passed, 404)


@NAMES
def test_who_is_refused_is_logged_with_an_address_and_nobody_else(name: Balancer, serve: Serve, tmp_path: Path) -> None:
    command(name)
    keys = write_keys(tmp_path / "keys.yaml", entry("right", requests_per_minute=1))
    gateway = serve(keys_file=keys)
    with balancer(name, [gateway.url, gateway.url], tmp_path) as url, httpx.Client(trust_env=False) as client:
        statuses = [
            client.post(url + CHAT, json=chat(1, stream=False), headers={"authorization": f"Bearer {key}"}).status_code
            for key in ("right", "right", "wrong")
        ]
        assert statuses == [200, 429, 401]

        def logged() -> list[str]:
            lines = [line for file in tmp_path.glob("*.log") for line in file.read_text().splitlines()]
            return [line for line in lines if f"POST {CHAT}" in line]

        eventually(lambda: len(logged()) >= 2, f"see {tmp_path}", 20)
    told = logged()
    assert len(told) == 2
    for line, status in zip(told, statuses[1:], strict=True):
        assert re.match(rf"127\.0\.0\.1\b.* {status}\b", line), line
    assert not any("right" in line or "wrong" in line for line in told)
