"""`semtoken serve` as a process before an engine whose streams have a pace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes.processes import free_port, members

CHAT = "/v1/chat/completions"


@dataclass
class Gateway:
    """A gateway process; ``log`` has all that it and its children wrote."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path
    operations_url: str = ""
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=60.0))

    def get(self, path: str) -> httpx.Response:
        return self.client.get(self.url + path)

    def status(self, path: str = "/health/ready") -> int:
        """HTTP status of an answer over a new connection; 0 when there is none."""
        try:
            return httpx.get(self.url + path, trust_env=False, timeout=60.0).status_code
        except httpx.HTTPError:
            return 0

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self, timeout_s: float = 60) -> int:
        return self.process.wait(timeout=timeout_s)


Serve = Callable[..., Gateway]


@pytest.fixture(scope="session")
def paced_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Ten tokens a second in each stream."""
    port = free_port()
    log = tmp_path_factory.mktemp("engine") / "log"
    with log.open("wb") as output:
        argv = [sys.executable, "-m", "loadtest.streams.engine", str(port), "100"]
        process = subprocess.Popen(argv, stdout=output, stderr=output)
    url = f"http://127.0.0.1:{port}"
    eventually(lambda: answers(f"{url}/health"), f"see {log}")
    yield url
    process.kill()
    process.wait()


@pytest.fixture
def serve(tmp_path: Path, paced_engine: str) -> Iterator[Serve]:
    """Starts gateways whose settings file is ``tmp_path / "settings.yaml"``, and kills what is left of them."""
    started: list[subprocess.Popen[bytes]] = []
    clients: list[httpx.Client] = []

    def start(*flags: str, ready: bool = True, **settings: Any) -> Gateway:
        port = settings.pop("port", None) or free_port()
        write_settings(tmp_path / "settings.yaml", paced_engine, **settings)
        argv = [sys.executable, "-m", "semtoken_server.cli", "serve", "--port", str(port)]
        argv += ["--config", str(tmp_path / "settings.yaml")]
        log = tmp_path / f"log-{len(started)}"
        with log.open("wb") as output:
            started.append(subprocess.Popen([*argv, *flags], stdout=output, stderr=output, start_new_session=True))
        gateway = Gateway(started[-1], f"http://127.0.0.1:{port}", log)
        clients.append(gateway.client)
        if operations := settings.get("operations_port"):
            gateway.operations_url = f"http://127.0.0.1:{operations}"
        if ready:
            eventually(lambda: gateway.status() == 200, f"see {log}", 400)
        return gateway

    yield start
    for client in clients:
        client.close()
    for process in started:
        for pid in members(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait()


def write_settings(file: Path, engine: str, **settings: Any) -> None:
    """A settings file for a gateway that compresses nothing, so that it is ready soon."""
    lines = [f"engine_urls: ['{engine}']", "tokenizer: none", "encoder: /nonexistent"]
    file.write_text("\n".join([*lines, *(f"{name}: {value}" for name, value in settings.items())]) + "\n")


def chat(tokens: int, *, stream: bool = True) -> dict[str, Any]:
    messages = [{"role": "user", "content": "Hello"}]
    return {"model": "fake-model", "messages": messages, "stream": stream, "max_tokens": tokens}


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=2.0).is_success
    except httpx.HTTPError:
        return False


def children(parent: int) -> list[int]:
    """Running children of a process."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, of = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(of) == parent and state != "Z":
            found.append(int(entry.name))
    return found


def eventually(condition: Callable[[], bool], otherwise: str = "it never came to be", timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)
