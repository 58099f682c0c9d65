"""How long the gateway's event loop keeps others waiting while it compresses very long prompts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
from semtoken.benchmark.texts import QUESTION
from semtoken.errors import EngineError

from semtoken_server.benchmark.target import Target

_PROBE_EVERY_S = 0.02
_PROBE_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Lag:
    """What is compressed meanwhile."""

    tokens: int = 131_072
    requests: int = 2
    idle_probes: int = 200
    seed: int = 0


def run_lag(target: Target, asked: Lag) -> dict[str, Any]:
    """Latency of ``/health/live``, which only the event loop answers, idle and while it compresses.

    Raises ``EngineError`` where the gateway does not compress.
    """
    idle = _probes(target, lambda probes: probes < asked.idle_probes)
    text = _text(target, asked)
    failed: list[str] = []
    began = time.perf_counter()
    work = threading.Thread(target=_compress, args=(target, text, asked.requests, failed), daemon=True)
    work.start()
    busy = _probes(target, lambda _: work.is_alive())
    work.join()
    if failed:
        raise EngineError(f"/v1/compress answered {failed[0]}")
    seconds = round(time.perf_counter() - began, 2)
    return {"tokens": asked.tokens, "requests": asked.requests, "seconds": seconds, "idle": idle, "compressing": busy}


def _text(target: Target, asked: Lag) -> str:
    """Text of about ``tokens`` tokens, repeated with a count where there is too little of it."""
    size = asked.tokens * 4
    copies = -(-size // max(1, len(target.text)))
    return "\n\n".join(f"Part {number + 1}\n\n{target.text}" for number in range(copies))[:size]


def _compress(target: Target, text: str, requests: int, failed: list[str]) -> None:
    for _ in range(requests):
        response = target.client.post("/v1/compress", json={"text": text, "query": QUESTION})
        if not response.is_success:
            failed.append(f"{response.status_code}: {response.text:.200}")


def _probes(target: Target, goes_on: Callable[[int], bool]) -> dict[str, float]:
    """Percentiles in ms of probes sent by the clock, counted from when each was due."""
    waits: list[float] = []
    with httpx.Client(base_url=target.client.base_url, timeout=_PROBE_TIMEOUT_S, trust_env=False) as client:
        due = time.perf_counter()
        while goes_on(len(waits)):
            time.sleep(max(0.0, due - time.perf_counter()))
            client.get("/health/live")
            waits.append(time.perf_counter() - due)
            due += _PROBE_EVERY_S
    values = np.array(waits) * 1000
    p50, p95, p99 = np.percentile(values, [50, 95, 99]).round(2).tolist()
    return {"probes": len(waits), "p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "max_ms": round(float(values.max()), 2)}
