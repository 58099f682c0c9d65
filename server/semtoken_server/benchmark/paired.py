"""The same request with compression off and on, one after the other, many times."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from semtoken.errors import EngineError
from semtoken.evaluation.protocol import Progress, silent

from semtoken_server.benchmark.streaming import Answer, ask
from semtoken_server.benchmark.target import Target

_WARM_UP_TOKENS = 700


@dataclass(frozen=True, slots=True)
class Paired:
    """What is asked, and how often."""

    prompt_tokens: int = 4096
    output_tokens: int = 64
    runs: int = 5
    ratio: float | None = None
    """As the gateway has it by default where None."""
    mode: str = "auto"
    seed: int = 0
    pause_s: float = 2.0
    """Rest before each request: vLLM's workers spin for a second after their last work, on cores that the
    encoder may want."""


@dataclass(frozen=True, slots=True)
class PairedResult:
    """Both sides of every pair, in the order in which they ran."""

    asked: Paired
    off: tuple[Answer, ...]
    on: tuple[Answer, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the contract: medians, and how many times better ``on`` is."""
        off, on = _side(self.off), _side(self.on)
        compress = round(statistics.median(answer.compress_ms for answer in self.on), 2)
        return {
            "prompt_tokens": self.asked.prompt_tokens,
            "output_tokens": self.asked.output_tokens,
            "runs": len(self.off),
            "off": off,
            "on": {**on, "compress_ms": compress},
            "speedup": {
                "ttft": round(off["ttft_s"] / on["ttft_s"], 3),
                "total": round(off["total_s"] / on["total_s"], 3),
                "tokens": round(off["forwarded_tokens"] / on["forwarded_tokens"], 3),
            },
            "pairs": [
                {"off_ttft_s": a.ttft_s, "on_ttft_s": b.ttft_s, "off_total_s": a.total_s, "on_total_s": b.total_s}
                for a, b in zip(self.off, self.on, strict=True)
            ],
        }


def run_paired(target: Target, asked: Paired, progress: Progress = silent) -> PairedResult:
    """Ask with compression off and on in turn, which first by the draw, each pair with another document.

    Raises ``EngineError`` where the gateway does not answer, or does not compress.
    """
    rng = np.random.default_rng(asked.seed)
    _warm_up(target, rng)
    off: list[Answer] = []
    on: list[Answer] = []
    for run in range(asked.runs):
        progress(run, asked.runs, f"pair {run + 1}, {asked.prompt_tokens} tokens")
        sides = [off, on] if rng.integers(2) else [on, off]
        # One document for both; the first message of each request is its own.
        state = rng.bit_generator.state
        for side in sides:
            rng.bit_generator.state = state
            side.append(_ask(target, asked, rng, compressed=side is on))
    return PairedResult(asked, tuple(off), tuple(on))


def _ask(target: Target, asked: Paired, rng: np.random.Generator, *, compressed: bool) -> Answer:
    options: dict[str, Any] = {"mode": asked.mode if compressed else "off"}
    if compressed and asked.ratio is not None:
        options["ratio"] = asked.ratio
    body = target.body(target.fresh_chat(asked.prompt_tokens, rng), asked.output_tokens, **options)
    time.sleep(asked.pause_s)
    answer = ask(target.client, body)
    if compressed and answer.status != "compressed":
        raise EngineError(f"the gateway did not compress: {answer.status}, {answer.reason}")
    return answer


def _warm_up(target: Target, rng: np.random.Generator) -> None:
    """The first request pays for what later ones find ready, in the engine and in the encoder."""
    for mode in ("force", "off"):
        ask(target.client, target.body(target.fresh_chat(_WARM_UP_TOKENS, rng), 2, mode=mode))


def _side(answers: Sequence[Answer]) -> dict[str, float]:
    return {
        "ttft_s": round(statistics.median(answer.ttft_s for answer in answers), 4),
        "total_s": round(statistics.median(answer.total_s for answer in answers), 4),
        "forwarded_tokens": statistics.median(answer.prompt_tokens for answer in answers),
    }
