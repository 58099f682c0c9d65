"""`semtoken serve` as a user starts it: a process of its own, with a vLLM that it starts itself."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

READY_S = 540.0
# However busy the machine: these tests are about what is answered, not how fast.
COMPRESS_TIMEOUT_S = "300"
# vLLM refuses tools that a model may choose to call unless it is told how the model writes its calls.
ENGINE_ARGS = "--enable-auto-tool-choice,--tool-call-parser,hermes,--enable-scale-out"


@dataclass(frozen=True, slots=True)
class RealGateway:
    """A gateway that is ready, and the model that its engine serves."""

    url: str
    engine_url: str
    model: str
    process: subprocess.Popen[bytes]
    output: Path
    """What it printed on standard output."""

    def get(self, path: str) -> httpx.Response:
        """GET from the gateway."""
        return httpx.get(self.url + path, trust_env=False, timeout=30.0)

    def engine_metric(self, name: str) -> float:
        """The sum of a metric's samples as the engine itself counts it."""
        exposition = httpx.get(f"{self.engine_url}/metrics", trust_env=False, timeout=30.0).text
        samples = [line for line in exposition.splitlines() if line.startswith((f"{name}{{", f"{name} "))]
        return sum(float(sample.rpartition(" ")[2]) for sample in samples)


@contextmanager
def served(folder: Path) -> Iterator[RealGateway]:
    """Start the gateway with everything at its defaults but for ports, tool calls and token routes.

    Its output goes to ``folder``.
    """
    port, engine_port = free_ports(2)
    output, errors = folder / "stdout", folder / "stderr"
    environment = {
        **os.environ,
        "SEMTOKEN_ENGINE_PORT": str(engine_port),
        "SEMTOKEN_ENGINE_LOG": str(folder / "engine.log"),
        "SEMTOKEN_COMPRESS_TIMEOUT_S": COMPRESS_TIMEOUT_S,
        "SEMTOKEN_ENGINE_ARGS": ENGINE_ARGS,
    }
    argv = [sys.executable, "-m", "semtoken_server.cli", "serve", "--port", str(port)]
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment)
    try:
        url = f"http://127.0.0.1:{port}"
        model = _wait_until_ready(process, url, errors)
        yield RealGateway(url, f"http://127.0.0.1:{engine_port}", model, process, output)
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, errors: Path) -> str:
    deadline = time.monotonic() + READY_S
    state = "it does not answer"
    with httpx.Client(base_url=url, trust_env=False, timeout=10.0) as client:
        while time.monotonic() < deadline:
            assert process.poll() is None, f"`semtoken serve` ended: {errors.read_text()}"
            try:
                answer = client.get("/health/ready")
            except httpx.HTTPError as error:
                state = repr(error)
            else:
                if answer.is_success:
                    return str(client.get("/v1/models").json()["data"][0]["id"])
                state = answer.text
            time.sleep(0.5)
    raise AssertionError(f"not ready after {READY_S:g} s: {state}; {errors.read_text()}")


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on, each another."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def descendants(pid: int) -> dict[int, str]:
    """Every process that ``pid`` started, directly or not, with its command line."""
    children: dict[int, list[int]] = {}
    commands: dict[int, str] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            commands[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        children.setdefault(parent, []).append(int(entry.name))
    found: dict[int, str] = {}
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found[child] = commands[child]
            waiting.append(child)
    return found


def running(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(condition: Callable[[], bool], otherwise: str, timeout_s: float = 60.0) -> None:
    """Wait until ``condition()`` is true."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.1)
