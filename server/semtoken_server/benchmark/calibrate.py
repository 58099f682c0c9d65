"""From which prompt length on compression pays, on this device with this engine."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from semtoken.evaluation.protocol import Progress, silent

from semtoken_server.benchmark.paired import Paired, run_paired
from semtoken_server.benchmark.target import Target

LENGTHS = (192, 256, 384, 512, 768, 1024, 2048)
_ROUND_UP = 64
_SMALLEST_MESSAGE = 64
"""Tokens below which there is nothing to choose from, however fast the encoder is."""


@dataclass(frozen=True, slots=True)
class Point:
    """Medians at one length."""

    tokens: int
    off_ttft_s: float
    on_ttft_s: float
    compress_ms: float

    @property
    def gain(self) -> float:
        """Time to the first token saved, as a share of what it is without compression."""
        return 1.0 - self.on_ttft_s / self.off_ttft_s


@dataclass(frozen=True, slots=True)
class Calibration:
    """``min_tokens`` is None where compression pays at none of the lengths."""

    points: tuple[Point, ...]
    margin: float
    min_tokens: int | None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        points = [{**asdict(point), "gain": round(point.gain, 4)} for point in self.points]
        return {"margin": self.margin, "min_tokens": self.min_tokens, "points": points}


def calibrate(
    target: Target,
    *,
    lengths: Sequence[int] = LENGTHS,
    runs: int = 5,
    margin: float = 0.1,
    seed: int = 0,
    pause_s: float = 2.0,
    progress: Progress = silent,
) -> Calibration:
    """Time requests of one output token at each length, compression off and forced in turn.

    Compression pays where the time to the first token falls by at least the share ``margin``. Raises
    ``EngineError`` where the gateway does not answer or does not compress.
    """
    points = []
    for number, length in enumerate(sorted(lengths)):
        progress(number, len(lengths), f"{length} tokens")
        found = run_paired(target, Paired(length, 1, runs, mode="force", seed=seed + number, pause_s=pause_s))
        points.append(
            Point(
                length,
                round(statistics.median(answer.ttft_s for answer in found.off), 5),
                round(statistics.median(answer.ttft_s for answer in found.on), 5),
                round(statistics.median(answer.compress_ms for answer in found.on), 3),
            )
        )
    return Calibration(tuple(points), margin, break_even(points, margin))


def break_even(points: Sequence[Point], margin: float) -> int | None:
    """Shortest prompt from which on the gain stays at ``margin`` or above; None where it never does.

    Between two lengths the gain is taken to change in a straight line; rounded up to 64 tokens.
    """
    below = [number for number, point in enumerate(points) if point.gain < margin]
    last = below[-1] if below else -1
    if last == len(points) - 1:
        return None
    if last < 0:
        return max(_SMALLEST_MESSAGE, points[0].tokens)
    before, after = points[last], points[last + 1]
    part = (margin - before.gain) / (after.gain - before.gain)
    exact = before.tokens + part * (after.tokens - before.tokens)
    return int(-(-exact // _ROUND_UP) * _ROUND_UP)
