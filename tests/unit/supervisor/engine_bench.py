"""A bench for engines that run as real processes, and ways to look at processes."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from semtoken_server.supervisor import EngineCommand, EngineEvent, EngineState, EngineSupervisor, Patience

HERE = Path(__file__).parent
IMPATIENT = Patience(grace_s=1.0, poll_s=0.05, first_backoff_s=0.2, longest_backoff_s=0.4)


@dataclass
class Bench:
    """Where one test's engine lives."""

    folder: Path
    port: int
    events: list[EngineEvent] = field(default_factory=list)

    @property
    def pids_file(self) -> Path:
        return self.folder / "pids"

    @property
    def log(self) -> Path:
        return self.folder / "logs" / "engine.log"

    def supervisor(self, *flags: str, patience: Patience = IMPATIENT, **defaults: str) -> EngineSupervisor:
        argv = (sys.executable, str(HERE / "fake_engine.py"), str(self.port), str(self.pids_file), *flags)
        command = EngineCommand(argv, "127.0.0.1", self.port, defaults)
        return EngineSupervisor(command, self.log, patience=patience, listener=self.events.append)

    def states(self) -> list[EngineState]:
        return [event.state for event in self.events]

    def pids(self) -> list[int]:
        """Process ids of every engine and helper that was started."""
        return [int(pid) for pid in self.pids_file.read_text().split()] if self.pids_file.exists() else []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def eventually(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {timeout_s} s (pid {os.getpid()})"
        time.sleep(0.02)
