"""The least time that an encoder's arithmetic takes on this machine, and what its runtime takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig

from semtoken.encoders.runtimes import WINDOW, Runtime
from semtoken.encoders.threads import one_thread_each

_SECONDS = 0.3
_BYTES = {"float32": 4, "bfloat16": 2, "int8": 1}


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a transformer encoder, as its ``config.json`` names it."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path) -> Shape:
        """Of the encoder in a folder; raises ``OSError`` where there is none."""
        config = AutoConfig.from_pretrained(name_or_path)
        return cls(config.hidden_size, config.intermediate_size, config.num_hidden_layers)

    @property
    def weights(self) -> int:
        """Numbers in the linear layers: queries, keys, values, output, and the two of the feed-forward part."""
        return self.num_hidden_layers * self.hidden_size * (4 * self.hidden_size + 2 * self.intermediate_size)

    @property
    def operations(self) -> int:
        """Multiplications and additions for a token in a full window, attention included."""
        return 2 * self.weights + 4 * self.num_hidden_layers * WINDOW * self.hidden_size


@dataclass(frozen=True, slots=True)
class FloorRow:
    """A number format: what the machine reaches in it, and what the encoder would take at that."""

    number_format: str
    gflop_per_s: float
    """Of all threads together, products of a tile with a feed-forward layer's weights."""
    compute_ms_per_1k: float
    """For 1,000 token places at that speed."""
    memory_ms_per_1k: float
    """For reading the weights once a tile, at the speed of copying."""


@dataclass(frozen=True, slots=True)
class Floor:
    """A machine's floor and the encoder's time on it."""

    threads: int
    operations_per_token: int
    copy_gb_per_s: float
    rows: tuple[FloorRow, ...]
    runtime_ms_per_1k: float
    """What the runtime takes for 1,000 token places, all threads busy."""


def measure_floor(shape: Shape, runtime: Runtime, runs: int = 5) -> Floor:
    """Measure a CPU; every figure is the median of ``runs``, which take turns."""
    rows = runtime.tile * WINDOW
    copied = _copying()
    works: dict[str, Callable[[], float]] = {name: _products(name, rows, shape) for name in _BYTES}
    works["copy"] = lambda: copied() / 1e9
    works["runtime"] = _tiles(runtime)
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            found[name].append(_together(runtime, work))
    rate = {name: statistics.median(rates) for name, rates in found.items()}
    return Floor(
        threads=runtime.workers,
        operations_per_token=shape.operations,
        copy_gb_per_s=round(rate["copy"], 1),
        rows=tuple(
            FloorRow(
                name,
                round(rate[name], 1),
                round(shape.operations / rate[name] / 1e3, 1),
                round(shape.weights * size / rows / rate["copy"] / 1e3, 2),
            )
            for name, size in _BYTES.items()
        ),
        runtime_ms_per_1k=round(1e6 / rate["runtime"], 1),
    )


def _together(runtime: Runtime, work: Callable[[], float]) -> float:
    """The sum over all threads of what ``work`` does in a second."""

    def prepare() -> None:
        one_thread_each()
        runtime.prepare()

    def rate(_: int) -> float:
        work()
        done, started = 0.0, time.perf_counter()
        while (passed := time.perf_counter() - started) < _SECONDS:
            done += work()
        return done / passed

    with ThreadPoolExecutor(runtime.workers, initializer=prepare) as pool:
        return sum(pool.map(rate, range(runtime.workers)))


def _products(number_format: str, rows: int, shape: Shape) -> Callable[[], float]:
    """GFLOP of a product of (rows, hidden) with (hidden, intermediate)."""
    left, right = torch.ones(rows, shape.hidden_size), torch.ones(shape.intermediate_size, shape.hidden_size)
    done = 2.0 * rows * shape.hidden_size * shape.intermediate_size / 1e9
    if number_format == "int8":
        eight = (left.to(torch.int8), right.to(torch.int8).t())
        multiply: Callable[[], Any] = lambda: torch._int_mm(*eight)  # noqa: E731, SLF001 - PyTorch's one int8 product
    else:
        dtype = getattr(torch, number_format)
        floats = (left.to(dtype), right.to(dtype))
        multiply = lambda: torch.nn.functional.linear(*floats)  # noqa: E731

    def work() -> float:
        with torch.inference_mode():
            multiply()
        return done

    return work


def _copying(size: int = 2**27) -> Callable[[], float]:
    """Bytes read and written by a copy that no cache holds."""
    source = torch.ones(size, dtype=torch.uint8)

    def work() -> float:
        source.clone()
        return 2.0 * size

    return work


def _tiles(runtime: Runtime) -> Callable[[], float]:
    """Token places of a tile, all but one column of it filled."""
    rng = np.random.default_rng(0)
    ids = rng.integers(4, 60, (runtime.tile, WINDOW))
    mask = np.ones_like(ids)
    ids[:, -1] = mask[:, -1] = 0

    def work() -> float:
        runtime(ids, mask)
        return float(ids.size)

    return work
