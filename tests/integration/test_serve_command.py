"""`semtoken serve` as a process: it listens, drains on SIGTERM, and its workers do not outlive it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from fakes.processes import free_port, members
from semtoken_server.compression.shared.process import PROCESS_NAME

pytestmark = pytest.mark.model

Serve = Callable[..., tuple[subprocess.Popen[bytes], str]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    started: list[subprocess.Popen[bytes]] = []

    def start(*flags: str) -> tuple[subprocess.Popen[bytes], str]:
        port = free_port()
        # Nothing listens there: the gateway has to serve all the same, and say that it is not ready.
        engine = f"http://127.0.0.1:{free_port()}"
        argv = [sys.executable, "-m", "semtoken_server.cli", "serve", "--engine-url", engine, "--port", str(port)]
        with (tmp_path / "log").open("wb") as log:
            started.append(subprocess.Popen([*argv, *flags], stdout=log, stderr=log, start_new_session=True))
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(url), f"see {tmp_path / 'log'}")
        return started[-1], url

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_it_serves_without_an_engine_and_ends_in_order(serve: Serve) -> None:
    process, url = serve()
    assert httpx.get(f"{url}/health/ready", trust_env=False).status_code == 503
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0


def test_several_workers_share_metrics_and_do_not_outlive_their_parent(serve: Serve) -> None:
    process, url = serve("--workers", "2")
    for _ in range(20):
        assert httpx.get(f"{url}/nothing", trust_env=False).status_code == 404
    assert 'semtoken_build_info{version="' in httpx.get(f"{url}/metrics", trust_env=False).text
    group = members(process.pid)
    assert len(group) >= 3
    process.kill()
    process.wait()
    eventually(lambda: members(process.pid) == [], f"left: {members(process.pid)}")


def test_the_workers_compressor_is_one_process_that_comes_back_when_it_is_killed(serve: Serve) -> None:
    process, _ = serve("--workers", "2")
    eventually(lambda: len(compressors(process.pid)) == 1, "no compressor was started")
    (compressor,) = compressors(process.pid)
    os.kill(compressor, signal.SIGKILL)
    eventually(lambda: compressors(process.pid) not in ([], [compressor]), "no compressor was started again")
    assert len(compressors(process.pid)) == 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    eventually(lambda: members(process.pid) == [], f"left: {members(process.pid)}")


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/live", trust_env=False, timeout=2.0).is_success
    except httpx.HTTPError:
        return False


def compressors(session: int) -> list[int]:
    """Running compressor processes of a session."""
    return [pid for pid in members(session) if Path(f"/proc/{pid}/comm").read_text().strip() == PROCESS_NAME]


def eventually(condition: Callable[[], bool], otherwise: str, timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{otherwise} (pid {os.getpid()})"
        time.sleep(0.2)
