"""Scales that stages share: z-scores over a text's content units, surprise in nats, unit vectors."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import BoolArray, FloatArray, IntArray

DIGITS = 4
"""Scores are rounded before any comparison; ties then go by offset."""


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
