"""What is measured: the bare engine, the gateway, and its peers, all before the same engine."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import semtoken_server
from semtoken.bundled import bundled_models

from loadtest.passthrough.peers import (
    LITELLM,
    LITELLM_ENVIRONMENT,
    ROUTER,
    litellm_command,
    router_command,
)
from loadtest.passthrough.processes import free_port, resident_mib, server

Name = Literal["direct", "gateway", "vllm-router", "litellm"]
NAMES: tuple[Name, ...] = get_args(Name)
DIRECT: Name = "direct"


@dataclass(frozen=True, slots=True)
class System:
    """A server that answers."""

    name: Name
    version: str
    url: str
    pid: int

    def resident_mib(self) -> float:
        """Its memory now."""
        return resident_mib(self.pid)


@contextmanager
def running(names: Sequence[Name], folder: Path) -> Iterator[list[System]]:
    """The bare engine and the systems named before it; their logs are in ``folder``.

    Raises ``ServerFailedError``, and ``CalledProcessError`` where a peer cannot be installed.
    """
    with ExitStack() as stack:
        port = free_port()
        engine = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "loadtest.passthrough.engine", str(port)]
        pid = stack.enter_context(server(command, ready=f"{engine}/health", log=folder / "engine.log", environment={}))
        systems = [System(DIRECT, "", engine, pid)]
        for name in names:
            if name != DIRECT:
                systems.append(stack.enter_context(_started(name, engine, folder)))
        yield systems


@contextmanager
def _started(name: Name, engine: str, folder: Path) -> Iterator[System]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment: dict[str, str] = {}
    if name == "gateway":
        version, ready = semtoken_server.__version__, "/health/ready"
        serve = [sys.executable, "-m", "semtoken_server.cli", "serve", "--engine-url", engine, "--port", str(port)]
        command = serve
        # The encoder is loaded as it would be for who compresses: it takes memory, and time from no request.
        environment = {"SEMTOKEN_COMPRESSION__MODE": "off", "SEMTOKEN_TOKENIZER": str(bundled_models().llm)}
    elif name == "litellm":
        LITELLM.install()
        version, ready, environment = LITELLM.version, "/health/liveliness", LITELLM_ENVIRONMENT
        command = litellm_command(engine, port, folder)
    else:
        ROUTER.install()
        version, ready = ROUTER.version, "/health"
        command = router_command(engine, port, free_port())
    log = folder / f"{name}.log"
    with server(command, ready=url + ready, log=log, environment=environment) as pid:
        yield System(name, version, url, pid)
