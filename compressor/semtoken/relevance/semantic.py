"""What means the same: similarity of the encoder's vectors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from semtoken.datamodels import Encoding, FloatArray, IntArray
from semtoken.scaling import unit_rows

MOST_SIMILARITIES = 1 << 23
"""Similarities of tokens held at once."""
MOST_COMPARED = 2_048
"""Tokens of a query that are compared with those of a text, half of them from either end. In a script with spaces the
pipeline reads fewer; of Chinese, their matches would take several times the memory of the text's vectors."""


def pooled_similarity(encoding: Encoding, query: Encoding) -> FloatArray:
    """Cosine similarity of each unit's pooled vector with the query's, (n,)."""
    direction = unit_rows(query.vectors.mean(axis=0, keepdims=True))[0]
    return np.asarray(encoding.units @ direction, dtype=np.float32)


def compared(query: Encoding) -> IntArray:
    """The tokens of a query that are compared with those of a text, (q,), at most ``MOST_COMPARED``."""
    places = np.arange(len(query.token_ids), dtype=np.int64)
    half = MOST_COMPARED // 2
    return places if len(places) <= MOST_COMPARED else np.concatenate((places[:half], places[-half:]))


def best_matches(encoding: Encoding, query: Encoding) -> FloatArray:
    """Best cosine similarity of each :func:`compared` token among each unit's tokens, (n, q); 0 for a unit without.

    What MaxSim of ColBERT (Khattab and Zaharia, SIGIR 2020) adds up, here of a frozen encoder.
    """
    tokens = compared(query)
    best = np.zeros((len(encoding.bounds) - 1, len(tokens)), dtype=np.float32)
    filled = np.diff(encoding.bounds) > 0
    asked = unit_rows(query.vectors[tokens]).T
    starts, rows = encoding.bounds[:-1][filled], np.flatnonzero(filled)
    edges = np.append(starts, len(encoding.vectors))
    # Part by part: of a long text and a long query all similarities at once would take gigabytes.
    step = max(1, MOST_SIMILARITIES // max(1, asked.shape[1]))
    for first, last in _parts(edges, step):
        similarity = unit_rows(encoding.vectors[edges[first] : edges[last]]) @ asked
        best[rows[first:last]] = np.maximum.reduceat(similarity, starts[first:last] - edges[first], axis=0)
    return best


def _parts(edges: IntArray, step: int) -> Iterator[tuple[int, int]]:
    """Runs of units of about ``step`` tokens, ``edges`` being the units' first tokens and the end."""
    first, units = 0, len(edges) - 1
    while first < units:
        last = max(first + 1, int(np.searchsorted(edges, edges[first] + step, side="right")) - 1)
        yield first, min(last, units)
        first = min(last, units)
