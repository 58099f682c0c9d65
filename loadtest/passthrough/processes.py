"""Servers as processes: started, waited for, weighed, and ended by their own pid."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

_START_S = 120.0
_STOP_S = 15.0


class ServerFailedError(RuntimeError):
    """A server ended or did not answer in time; the message names its log."""


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def server(
    argv: Sequence[str], *, ready: str, log: Path, environment: Mapping[str, str], start_s: float = _START_S
) -> Iterator[int]:
    """The pid of a server that answers ``ready``, a URL, with success within ``start_s``; its output goes to ``log``.

    Raises ``ServerFailedError``.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, stdout=output, stderr=output, env={**os.environ, **environment}, start_new_session=True
        )
    try:
        _wait_for(process, ready, log, start_s)
        yield process.pid
    finally:
        _end(process)


def resident_mib(pid: int) -> float:
    """Resident memory of a process and of all that it has started, shared pages counted in each."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        if (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    family, kib = [pid], 0
    for member in family:
        family += children.get(member, [])
        kib += _resident_kib(member)
    return kib / 1024


def _wait_for(process: subprocess.Popen[bytes], url: str, log: Path, start_s: float) -> None:
    deadline = time.monotonic() + start_s
    with httpx.Client(trust_env=False, timeout=5.0) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise ServerFailedError(f"{process.args!r:.200} ended with {process.returncode}, see {log}")
            try:
                if client.get(url).is_success:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.2)
    raise ServerFailedError(f"{url} did not answer within {start_s:g} s, see {log}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=_STOP_S)
    except subprocess.TimeoutExpired:
        # The session is its own, so this reaches its children and nobody else.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _parent(entry: Path) -> int | None:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None


def _resident_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
