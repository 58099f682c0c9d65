"""Scales that stages share: z-scores over a text's content units, surprise in nats, unit vectors."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import BoolArray, FloatArray, IntArray

DIGITS = 4
"""Scores are rounded before any comparison; ties then go by offset."""

_BLOCK = 256


def zscore(values: FloatArray, content: BoolArray) -> FloatArray:
    """Standardise ``values`` (n,) by mean and deviation over the content units; glue gets 0."""
    scaled = np.zeros(len(values), dtype=np.float32)
    if content.any():
        chosen = values[content].astype(np.float64)
        scaled[content] = np.round((chosen - chosen.mean()) / max(float(chosen.std()), 1e-6), DIGITS)
    return scaled


def surprise(token_ids: IntArray) -> FloatArray:
    """-log of each token's share among ``token_ids`` (t,), in nats."""
    _, inverse, frequency = np.unique(token_ids, return_inverse=True, return_counts=True)
    return np.asarray(-np.log(frequency / len(token_ids))[inverse], dtype=np.float32)


def unit_rows(vectors: FloatArray) -> FloatArray:
    """Scale the rows of ``vectors`` (n, d) to length 1; a zero row stays zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def unit_sums(vectors: FloatArray, starts: IntArray) -> FloatArray:
    """Sum of each unit's rows: ``vectors`` (t, d) and the units' first rows (n,), rising, give (n, d).

    Block by block: numpy keeps other threads waiting while it sums, on a long text for a third of a second.
    """
    sums = np.empty((len(starts), vectors.shape[1]), dtype=vectors.dtype)
    edges = np.append(starts, len(vectors))
    for first in range(0, len(starts), _BLOCK):
        last = min(first + _BLOCK, len(starts))
        rows = vectors[edges[first] : edges[last]]
        np.add.reduceat(rows, starts[first:last] - starts[first], axis=0, out=sums[first:last])
    return sums
