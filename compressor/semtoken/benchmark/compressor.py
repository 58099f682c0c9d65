"""Time and memory of compressing, by method, length and batch."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from semtoken.benchmark.memory import peak_mib, reset_peak
from semtoken.benchmark.texts import QUESTION, windows
from semtoken.datamodels import CompressionResult
from semtoken.evaluation.methods import Method
from semtoken.evaluation.protocol import Progress, silent, token_budget
from semtoken.options import CompressionOptions
from semtoken.tokenizer import ServedTokenizer

SEMTOKEN = "semtoken"


class BatchCompressor(Protocol):
    """The part of ``semtoken.Compressor`` that is timed."""

    def compress_batch(
        self, texts: Sequence[str], queries: Sequence[str | None] | None = ..., options: CompressionOptions = ...
    ) -> list[CompressionResult]:
        """Compress texts together."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What is timed."""

    tokens: tuple[int, ...] = (4096,)
    batches: tuple[int, ...] = (1,)
    ratio: float = 2.4
    runs: int = 5
    seed: int = 0
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class BenchRow:
    """Medians over the runs; the first, which warms up, is left out."""

    method: str
    tokens: int
    """Of each text, in the served model's tokenizer."""
    batch: int
    tokens_per_s: float
    ms_per_1k_tokens: float
    encoder_share: float | None
    """Of the time, in the encoder's forward pass and its tokenizer; None for a method that does not tell."""
    peak_mib: float


@dataclass(frozen=True, slots=True)
class _Timed:
    seconds: float
    encoder_share: float | None
    peak_mib: float


def run_bench(
    bench: Bench,
    text: str,
    tokenizer: ServedTokenizer,
    compressor: BatchCompressor,
    peers: Mapping[str, Method],
    progress: Progress = silent,
) -> list[BenchRow]:
    """Time the compressor and its peers on the same stretches of ``text``.

    The methods take turns within a run, each run has other stretches. Raises ``InvalidInputError``
    where the text is too short.
    """
    names = [SEMTOKEN, *peers]
    timed: dict[tuple[str, int, int], list[_Timed]] = {}
    steps = [(run, size, batch) for run in range(bench.runs + 1) for size in bench.tokens for batch in bench.batches]
    for number, (run, size, batch) in enumerate(steps):
        texts = windows(text, tokenizer, size, batch, bench.seed + run)
        for name in names:
            progress(number, len(steps), f"{name}, {batch} x {size} tokens")
            taken = _semtoken(bench, compressor, texts) if name == SEMTOKEN else _peer(bench, peers[name], texts, size)
            timed.setdefault((name, size, batch), []).append(taken)
    return [_row(*key, found[1:]) for key, found in sorted(timed.items(), key=lambda item: _order(names, item[0]))]


def _order(names: Sequence[str], key: tuple[str, int, int]) -> tuple[int, int, int]:
    return names.index(key[0]), key[1], key[2]


def _semtoken(bench: Bench, compressor: BatchCompressor, texts: list[str]) -> _Timed:
    options = CompressionOptions(mode="force", ratio=bench.ratio)
    reset_peak(bench.device)
    started = time.perf_counter()
    results = compressor.compress_batch(texts, [QUESTION] * len(texts), options)
    seconds = time.perf_counter() - started
    encoding = sum(result.timings_ms["encode"] for result in results) / 1000
    return _Timed(seconds, min(1.0, encoding / seconds), peak_mib(bench.device))


def _peer(bench: Bench, method: Method, texts: list[str], tokens: int) -> _Timed:
    rng = np.random.default_rng(bench.seed)
    reset_peak(bench.device)
    # As the method tells it: a peer that misses its budget is run again, and only the run kept counts.
    budget = token_budget(tokens, bench.ratio)
    seconds = sum(method.compress(text, QUESTION, [budget], rng)[0].seconds for text in texts)
    return _Timed(seconds, None, peak_mib(bench.device))


def _row(name: str, tokens: int, batch: int, timed: Sequence[_Timed]) -> BenchRow:
    seconds = statistics.median(one.seconds for one in timed)
    shares = [one.encoder_share for one in timed if one.encoder_share is not None]
    return BenchRow(
        method=name,
        tokens=tokens,
        batch=batch,
        tokens_per_s=round(tokens * batch / seconds, 1),
        ms_per_1k_tokens=round(seconds / (tokens * batch) * 1e6, 2),
        encoder_share=round(statistics.median(shares), 4) if shares else None,
        peak_mib=round(max(one.peak_mib for one in timed), 1),
    )
