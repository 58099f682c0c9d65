"""Semantic density of units: how much a unit says, and how much of that is new."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import Clusters, Encoding, FloatArray, IntArray, Segmentation
from semtoken.scaling import surprise, zscore

WEIGHTS = {"trace": 1.0, "novelty": 0.25, "rarity": 0.25}


def density(segmentation: Segmentation, encoding: Encoding, clusters: Clusters) -> FloatArray:
    """Density of each unit (n,), z-scored over the text's content units.

    Adds up three parts, each z-scored: the trace of the covariance of the unit's token vectors,
    H(T) = tr(Cov({f(x) : x in T})) of SemToken (arXiv 2508.15190); novelty against every earlier
    unit; and rarity, the mean surprise of the unit's tokens within the text (of a log line: of
    its template).
    """
    content = segmentation.content
    parts = {
        "trace": covariance_trace(encoding.vectors, encoding.bounds),
        "novelty": clusters.novelty,
        "rarity": token_rarity(encoding.token_ids, encoding.bounds) + clusters.template_rarity,
    }
    total = sum(weight * zscore(parts[name], content) for name, weight in WEIGHTS.items())
    return zscore(np.asarray(total, dtype=np.float32), content)


def covariance_trace(vectors: FloatArray, bounds: IntArray) -> FloatArray:
    """Trace of the covariance of each unit's token vectors, mean |x|^2 - |mean x|^2.

    ``vectors`` (t, d), ``bounds`` (n + 1,) give (n,); 0 for a unit with fewer than two tokens.
    """
    counts = np.diff(bounds)
    trace = np.zeros(len(counts), dtype=np.float32)
    filled = counts > 0
    if filled.any():
        starts, sizes = bounds[:-1][filled], counts[filled]
        squares = np.add.reduceat(np.einsum("td,td->t", vectors, vectors), starts) / sizes
        means = np.add.reduceat(vectors, starts, axis=0) / sizes[:, None]
        values = squares - np.einsum("nd,nd->n", means, means)
        trace[filled] = np.where(sizes > 1, np.maximum(values, 0.0), 0.0)
    return trace


def token_rarity(token_ids: IntArray, bounds: IntArray) -> FloatArray:
    """Mean of -log p(token) over each unit's tokens, p being the token's share in the text, (n,)."""
    counts = np.diff(bounds)
    rarity = np.zeros(len(counts), dtype=np.float32)
    filled = counts > 0
    if filled.any():
        rarity[filled] = np.add.reduceat(surprise(token_ids), bounds[:-1][filled]) / counts[filled]
    return rarity
