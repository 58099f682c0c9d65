"""Nothing of an engine outlives the gateway, however the gateway ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from unit.supervisor.engine_bench import HERE, Bench, alive, eventually, parent_of


@pytest.fixture
def owner(bench: Bench) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, str(HERE / "owner.py"), str(bench.port), str(bench.pids_file), str(bench.log)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_is_left(bench: Bench, owner: subprocess.Popen[str], number: signal.Signals) -> None:
    engine, helper = bench.pids()
    guard = parent_of(engine)
    assert parent_of(guard) == owner.pid
    assert all(alive(pid) for pid in (guard, engine, helper))
    owner.send_signal(number)
    owner.wait(timeout=30)
    eventually(lambda: not any(alive(pid) for pid in (guard, engine, helper)))
