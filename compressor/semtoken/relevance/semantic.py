"""What means the same: similarity of the encoder's vectors."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import Encoding, FloatArray
from semtoken.scaling import unit_rows


def pooled_similarity(encoding: Encoding, query: Encoding) -> FloatArray:
    """Cosine similarity of each unit's pooled vector with the query's, (n,)."""
    direction = unit_rows(query.vectors.mean(axis=0, keepdims=True))[0]
    return np.asarray(encoding.units @ direction, dtype=np.float32)


def late_interaction(encoding: Encoding, query: Encoding) -> FloatArray:
    """Mean over query tokens of the best cosine similarity among a unit's tokens, (n,).

    MaxSim of ColBERT (Khattab and Zaharia, SIGIR 2020) with a frozen encoder.
    """
    scores = np.zeros(len(encoding.bounds) - 1, dtype=np.float32)
    filled = np.diff(encoding.bounds) > 0
    if filled.any():
        similarity = unit_rows(encoding.vectors) @ unit_rows(query.vectors).T
        best = np.maximum.reduceat(similarity, encoding.bounds[:-1][filled], axis=0)
        scores[filled] = best.mean(axis=1)
    return scores
