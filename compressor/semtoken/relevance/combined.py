"""Relevance of units to a query: pooled similarity, late interaction, lexical match and second hops together."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import BoolArray, Encoding, FloatArray, Segmentation
from semtoken.relevance.bridging import bridging
from semtoken.relevance.lexical import bm25
from semtoken.relevance.semantic import late_interaction, pooled_similarity
from semtoken.scaling import zscore

NEIGHBOUR = 0.4
"""Share of the better neighbour's score that a unit inherits: an answer often stands beside the
sentence that names its subject."""
BRIDGE = 0.5
"""Weight of the second hop beside the first."""


def relevance(segmentation: Segmentation, encoding: Encoding, query: Encoding) -> FloatArray:
    """Relevance of each unit to the query (n,), z-scored over the text's content units.

    The sum of three z-scored signals, each strong where another is weak: cosine similarity of the
    pooled vectors, late interaction of token vectors (:func:`late_interaction`) and BM25 over the
    encoder's vocabulary (:func:`bm25`); to that what the best units lead on to (:func:`bridging`);
    then smoothed over neighbours.
    """
    content = segmentation.content
    if not len(query.token_ids) or not content.any():
        return np.zeros(len(segmentation), dtype=np.float32)
    signals = (pooled_similarity(encoding, query), late_interaction(encoding, query), bm25(encoding, query.token_ids))
    total = np.zeros(len(segmentation), dtype=np.float32)
    for signal in signals:
        total += zscore(signal, content)
    first = zscore(total, content)
    second = zscore(bridging(encoding, query.token_ids, first, content), content)
    return zscore(_with_neighbours(first + BRIDGE * second, content), content)


def _with_neighbours(scores: FloatArray, content: BoolArray) -> FloatArray:
    rows = np.flatnonzero(content)
    own = scores[rows]
    padded = np.pad(own, 1, constant_values=-np.inf)
    better = np.maximum(padded[:-2], padded[2:])
    spread = np.zeros_like(scores)
    spread[rows] = own + NEIGHBOUR * np.where(np.isfinite(better), better, 0.0)
    return spread
