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


def earlier_similarity(units: FloatArray, content: BoolArray) -> FloatArray:
    """Cosine similarity of each unit to the most similar earlier content unit, (n,), 0 where there is none.

    ``units`` (n, d), ``content`` (n,). Compares with at most ``REACH`` earlier content units.
    """
    best = np.zeros(len(units), dtype=np.float32)
    rows = np.flatnonzero(content)
    vectors = units[rows]
    for start in range(0, len(rows), BLOCK):
        stop = min(start + BLOCK, len(rows))
        low = max(0, start - REACH)
        similarity = np.round(vectors[start:stop] @ vectors[low:stop].T, DIGITS)
        later = np.arange(low, stop)[None, :] >= np.arange(start, stop)[:, None]
        similarity[later] = -1.0
        best[rows[start:stop]] = np.maximum(similarity.max(axis=1), 0.0)
    return best
