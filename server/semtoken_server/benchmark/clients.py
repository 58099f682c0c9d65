"""Many clients at once, each sending its next request when the last is answered."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from semtoken.evaluation.protocol import Progress, silent

from semtoken_server.benchmark.streaming import Answer, ask
from semtoken_server.benchmark.target import Target


@dataclass(frozen=True, slots=True)
class Crowd:
    """``requests`` prompts of uniformly drawn lengths, from ``clients`` clients."""

    clients: int = 64
    requests: int = 64
    shortest: int = 1024
    longest: int = 4096
    output_tokens: int = 32
    seed: int = 0


def run_crowd(target: Target, crowd: Crowd, progress: Progress = silent) -> dict[str, Any]:
    """Requests per second with compression on, then off, over the same prompts; raises ``EngineError``."""
    sides: dict[str, dict[str, Any]] = {}
    for number, mode in enumerate(("auto", "off")):
        rng = np.random.default_rng(crowd.seed)
        lengths = rng.integers(crowd.shortest, crowd.longest, endpoint=True, size=crowd.requests).tolist()
        bodies = [target.body(target.fresh_chat(size, rng), crowd.output_tokens, mode=mode) for size in lengths]
        progress(number, 2, f"{crowd.clients} clients, mode {mode}")
        sides[mode] = _run(target, crowd, bodies)
    on, off = sides["auto"], sides["off"]
    return {
        "clients": crowd.clients,
        "requests": crowd.requests,
        "prompt_tokens": [crowd.shortest, crowd.longest],
        "output_tokens": crowd.output_tokens,
        "off": off,
        "on": on,
        "speedup": {"requests_per_s": round(on["requests_per_s"] / off["requests_per_s"], 3)},
    }


def _run(target: Target, crowd: Crowd, bodies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    # Threads, each blocked on its own answer: the client's work is nothing beside the engine's.
    with ThreadPoolExecutor(crowd.clients) as pool:
        begun = time.perf_counter()
        answers: list[Answer] = list(pool.map(lambda body: ask(target.client, body), bodies))
        seconds = time.perf_counter() - begun
    return {
        "requests_per_s": round(len(answers) / seconds, 4),
        "seconds": round(seconds, 2),
        "ttft_s": round(statistics.median(answer.ttft_s for answer in answers), 3),
        "forwarded_tokens": sum(answer.prompt_tokens for answer in answers),
        "statuses": dict(Counter(answer.status for answer in answers)),
    }
