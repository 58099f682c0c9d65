"""The same streams straight to the engine and through the gateway, and the gateway's memory meanwhile."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from loadtest.passthrough.processes import free_port, resident_mib, server
from loadtest.streams.client import Measured, keep_streams

_SAMPLE_S = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How many streams for how long; a token every ``interval_ms`` in each."""

    streams: int = 1000
    seconds: float = 60.0
    tokens: int = 50
    interval_ms: float = 200.0
    workers: int = 1


@contextmanager
def paced_engine(plan: Plan, folder: Path) -> Iterator[str]:
    """The URL of an engine that costs next to nothing; raises ``ServerFailedError``."""
    port = free_port()
    command = [sys.executable, "-m", "loadtest.streams.engine", str(port), str(plan.interval_ms)]
    url = f"http://127.0.0.1:{port}"
    with server(command, ready=f"{url}/health", log=folder / "engine.log", environment={}):
        yield url


@contextmanager
def gateway(engine: str, workers: int, folder: Path) -> Iterator[tuple[str, int]]:
    """URL and pid of a gateway that compresses nothing; raises ``ServerFailedError``."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "semtoken_server.cli", "serve", "--engine-url", engine, "--port", str(port)]
    command += ["--workers", str(workers)]
    # No encoder: what it takes is no matter of streams. The tokenizer is none either.
    environment = {"SEMTOKEN_ENCODER": "/nonexistent", "SEMTOKEN_TOKENIZER": "none", "SEMTOKEN_DRAIN_S": "1"}
    with server(command, ready=f"{url}/health/ready", log=folder / "gateway.log", environment=environment) as pid:
        yield url, pid


async def measure(plan: Plan, folder: Path) -> dict[str, Any]:
    """Figures of both ways, in milliseconds and MiB, and what the gateway adds."""
    ways = {"tokens": plan.tokens, "interval_s": plan.interval_ms / 1000, "streams": plan.streams}
    with paced_engine(plan, folder) as engine:
        direct = await keep_streams(engine, seconds=plan.seconds, **ways)  # type: ignore[arg-type]
        with gateway(engine, plan.workers, folder) as (url, pid):
            # Code paths, buffers and pools that the first streams bring up are no growth.
            await keep_streams(url, seconds=1.0, **ways)  # type: ignore[arg-type]
            samples: list[float] = []
            sampling = asyncio.create_task(_sample(pid, samples))
            through = await keep_streams(url, seconds=plan.seconds, **ways)  # type: ignore[arg-type]
            sampling.cancel()
    sides = {"direct": _figures(direct), "gateway": _figures(through)}
    added = {
        name: round(sides["gateway"][name] - sides["direct"][name], 3)
        for name in sides["direct"]
        if name.endswith("_ms")
    }
    return {"plan": asdict(plan), **sides, "added": added, "memory": _memory(samples)}


async def _sample(pid: int, samples: list[float]) -> None:
    while True:
        samples.append(resident_mib(pid))
        await asyncio.sleep(_SAMPLE_S)


def _figures(measured: Measured) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "whole": measured.whole,
        "errors": sum(measured.errors.values()),
        "kinds": dict(measured.errors.most_common(5)),
        "events": len(measured.transit),
    }
    for name in ("first", "gaps", "transit"):
        values = np.frombuffer(getattr(measured, name) or np.array([np.nan]), dtype=np.float64)
        for quantile in (50, 99):
            figures[f"{name}_p{quantile}_ms"] = round(float(np.percentile(values, quantile)) * 1000, 3)
    return figures


def _memory(samples: list[float]) -> dict[str, float]:
    """Resident MiB; growth is the last quarter's mean over the second one's, when all streams run."""
    quarter = max(1, len(samples) // 4)
    second, last = samples[quarter : 2 * quarter] or samples, samples[-quarter:]
    return {
        "first_mib": round(samples[0], 1),
        "peak_mib": round(max(samples), 1),
        "growth_mib": round(float(np.mean(last) - np.mean(second)), 1),
    }
