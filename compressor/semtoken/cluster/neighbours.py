"""Cosine similarity between units: neighbours that form a span, and the closest earlier unit."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import BoolArray, FloatArray, IntArray, Segmentation

BLOCK = 512
REACH = 4096
"""Earlier units that a unit is compared with: bounds the work on very long texts to linear."""

DIGITS = 4
"""Similarities are rounded before any comparison, so that equal texts compare equal."""


def neighbour_spans(units: FloatArray, segmentation: Segmentation, threshold: float) -> IntArray:
    """Number the runs of neighbouring units whose cosine similarity passes ``threshold``.

    ``units`` (n, d) are unit vectors. A run never crosses a section. Returns (n,).
    """
    n = len(units)
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    similarity = np.round(np.einsum("nd,nd->n", units[:-1], units[1:]), DIGITS)
    joined = (similarity >= threshold) & (np.diff(segmentation.sections) == 0)
    return np.concatenate(([0], np.cumsum(~joined))).astype(np.int64)


def nearest_earlier(units: FloatArray, content: BoolArray) -> tuple[IntArray, FloatArray]:
    """For each unit the most similar earlier content unit and the cosine similarity.

    ``units`` (n, d), ``content`` (n,). Returns (n,) indices, -1 where there is none, and (n,)
    similarities, 0 there. Compares with at most ``REACH`` earlier content units.
    """
    n = len(units)
    nearest = np.full(n, -1, dtype=np.int64)
    best = np.zeros(n, dtype=np.float32)
    rows = np.flatnonzero(content)
    vectors = units[rows]
    for start in range(0, len(rows), BLOCK):
        stop = min(start + BLOCK, len(rows))
        low = max(0, start - REACH)
        similarity = np.round(vectors[start:stop] @ vectors[low:stop].T, DIGITS)
        later = np.arange(low, stop)[None, :] >= np.arange(start, stop)[:, None]
        similarity[later] = -1.0
        column = similarity.argmax(axis=1)
        value = similarity[np.arange(stop - start), column]
        found = value > 0
        nearest[rows[start:stop][found]] = rows[low + column[found]]
        best[rows[start:stop][found]] = value[found]
    return nearest, best
