"""Second hops: what shares rare words with the units that answer the query at first sight.

"Which culture does the trophy of the game between A and B come from?" names neither the trophy nor
the passage about it; the sentence about the game names the trophy.
"""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import BoolArray, Encoding, FloatArray, IntArray
from semtoken.relevance.lexical import B, occurrences

BRIDGES = 8
"""Units of the first pass whose words lead on."""


def bridging(encoding: Encoding, query_ids: IntArray, first: FloatArray, content: BoolArray) -> FloatArray:
    """How well the best units of the first pass lead to each unit, (n,), 0 or more.

    For a unit u and a bridge b, the idf of the words that b adds to the query and shares with u, over
    u's length as in BM25, times b's own relevance; the best bridge counts. Words that stand in one
    unit only lead nowhere. ``first`` (n,) is the relevance of the first pass, ``content`` (n,).
    """
    rows = np.flatnonzero(content)
    bridges = rows[np.argsort(-first[rows], kind="stable")][:BRIDGES]
    bridges = bridges[first[bridges] > 0]
    words = [encoding.token_ids[encoding.bounds[unit] : encoding.bounds[unit + 1]] for unit in bridges]
    leads = np.setdiff1d(np.concatenate(words), query_ids) if words else np.zeros(0, dtype=np.int64)
    if not len(leads):
        return np.zeros(len(content), dtype=np.float32)
    found = occurrences(encoding, leads).among(content)
    units_with = found.units_with()
    idf = np.where(units_with > 1, np.log1p((len(rows) - units_with + 0.5) / (units_with + 0.5)), 0.0)
    counts = np.diff(encoding.bounds)
    length = 1.0 - B + B * counts / max(1.0, float(counts[rows].mean()))
    shared = np.zeros((len(counts), len(bridges)), dtype=np.float64)
    for column, bridge in enumerate(bridges.tolist()):
        held = np.isin(found.terms, found.terms[found.units == bridge])
        shared[:, column] = np.bincount(found.units, weights=held * idf[found.terms], minlength=len(counts))
    shared /= length[:, None]
    shared[bridges, np.arange(len(bridges))] = 0.0
    return np.asarray((shared * first[bridges]).max(axis=1), dtype=np.float32)
