"""What means the same: similarity of the encoder's vectors."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import Encoding, FloatArray
from semtoken.scaling import unit_rows


def pooled_similarity(encoding: Encoding, query: Encoding) -> FloatArray:
    """Cosine similarity of each unit's pooled vector with the query's, (n,)."""
    direction = unit_rows(query.vectors.mean(axis=0, keepdims=True))[0]
    return np.asarray(encoding.units @ direction, dtype=np.float32)


def best_matches(encoding: Encoding, query: Encoding) -> FloatArray:
    """Best cosine similarity of each query token among each unit's tokens, (n, q); 0 for a unit without tokens.

    What MaxSim of ColBERT (Khattab and Zaharia, SIGIR 2020) adds up, here of a frozen encoder.
    """
    best = np.zeros((len(encoding.bounds) - 1, len(query.token_ids)), dtype=np.float32)
    filled = np.diff(encoding.bounds) > 0
    if filled.any():
        similarity = unit_rows(encoding.vectors) @ unit_rows(query.vectors).T
        best[filled] = np.maximum.reduceat(similarity, encoding.bounds[:-1][filled], axis=0)
    return best
