"""Packing of units into encoder windows of bounded length."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import FloatArray, IntArray
from semtoken.scaling import unit_rows, unit_sums


def pack_windows(bounds: IntArray, capacity: int) -> list[tuple[int, int]]:
    """Cut ``bounds[-1]`` tokens into windows of whole units, at most ``capacity`` tokens each.

    ``bounds`` (n + 1,) holds the first token of each unit. A unit that is longer than a window is
    cut. Returns token ranges that tile ``[0, bounds[-1])``.
    """
    total = int(bounds[-1]) if len(bounds) else 0
    windows: list[tuple[int, int]] = []
    start = 0
    while start < total:
        last_whole = int(bounds[np.searchsorted(bounds, start + capacity, side="right") - 1])
        end = last_whole if last_whole > start else min(start + capacity, total)
        windows.append((start, end))
        start = end
    return windows


def pool_units(vectors: FloatArray, bounds: IntArray) -> FloatArray:
    """Mean of each unit's token vectors, scaled to length 1; zeros where a unit has no token.

    ``vectors`` (t, d) and ``bounds`` (n + 1,) give (n, d).
    """
    counts = np.diff(bounds)
    pooled = np.zeros((len(counts), vectors.shape[1]), dtype=np.float32)
    filled = counts > 0
    if filled.any():
        pooled[filled] = unit_rows(unit_sums(vectors, bounds[:-1][filled]))
    return pooled
