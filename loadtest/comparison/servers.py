"""The gateway that is loaded: one that runs, or one that is started for the test."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from semtoken.bundled import bundled_models

from loadtest.passthrough.processes import free_port, server
from loadtest.simulated.cost import Cost

Engine = Literal["given", "simulated", "embedded"]
_ENGINE_START_S = 540.0


@dataclass(frozen=True, slots=True)
class Served:
    """A gateway that is ready."""

    url: str
    engine: Engine
    engine_urls: tuple[str, ...]
    """Where the engines' metrics are; none: they are not read."""


@contextmanager
def simulated(folder: Path, cost: Cost) -> Iterator[Served]:
    """A gateway before the simulated engine, both processes of their own; raises ``ServerFailedError``."""
    port = free_port()
    engine = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "loadtest.simulated.engine", str(port), str(bundled_models().llm)]
    command += ["--prefill", str(cost.prefill), "--decode", str(cost.decode), "--running", str(cost.running)]
    with (
        server(command, ready=f"{engine}/health", log=folder / "engine.log", environment={}),
        _gateway(folder, ["--engine-url", engine], {}) as url,
    ):
        yield Served(url, "simulated", (engine,))


@contextmanager
def embedded(folder: Path) -> Iterator[Served]:
    """A gateway with a vLLM of its own, everything else at its defaults; raises ``ServerFailedError``."""
    port = free_port()
    environment = {"SEMTOKEN_ENGINE_PORT": str(port), "SEMTOKEN_ENGINE_LOG": str(folder.absolute() / "engine.log")}
    with _gateway(folder, [], environment) as url:
        yield Served(url, "embedded", (f"http://127.0.0.1:{port}",))


@contextmanager
def _gateway(folder: Path, arguments: Sequence[str], environment: dict[str, str]) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "semtoken_server.cli", "serve", "--port", str(port), *arguments]
    # Compression is measured on texts that are new to the gateway; the engine's cache is defeated as well.
    settings = {"SEMTOKEN_DRAIN_S": "1", "SEMTOKEN_CACHE_BYTES": "0", **environment}
    log = folder / "gateway.log"
    with server(command, ready=f"{url}/health/ready", log=log, environment=settings, start_s=_ENGINE_START_S):
        yield url
