"""Relevance of units to a query: pooled similarity, late interaction and lexical match together."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import BoolArray, Encoding, FloatArray, IntArray, Segmentation
from semtoken.scaling import unit_rows, zscore

K1, B = 1.2, 0.75
NEIGHBOUR = 0.4
"""Share of the better neighbour's score that a unit inherits: an answer often stands beside the
sentence that names its subject."""


def relevance(segmentation: Segmentation, encoding: Encoding, query: Encoding) -> FloatArray:
    """Relevance of each unit to the query (n,), z-scored over the text's content units.

    The sum of three z-scored signals, each strong where another is weak: cosine similarity of
    the pooled vectors, late interaction of token vectors (:func:`late_interaction`) and BM25
    over the encoder's vocabulary (:func:`bm25`); then smoothed over neighbours.
    """
    content = segmentation.content
    if not len(query.token_ids) or not content.any():
        return np.zeros(len(segmentation), dtype=np.float32)
    signals = (pooled_similarity(encoding, query), late_interaction(encoding, query), bm25(encoding, query.token_ids))
    total = np.zeros(len(segmentation), dtype=np.float32)
    for signal in signals:
        total += zscore(signal, content)
    return zscore(_with_neighbours(total, content), content)


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


def bm25(encoding: Encoding, query_ids: IntArray) -> FloatArray:
    """BM25 (Robertson and Zaragoza, 2009) of each unit for the query's distinct tokens, (n,).

    Units are the documents and the encoder's vocabulary the terms, so that every script works
    without a word splitter; rare words are several terms and weigh accordingly.
    """
    counts = np.diff(encoding.bounds)
    frequency = _term_frequency(encoding, query_ids)
    units_with = (frequency > 0).sum(axis=0)
    filled = max(1, int((counts > 0).sum()))
    idf = np.log1p((filled - units_with + 0.5) / (units_with + 0.5))
    length = 1.0 - B + B * counts / max(1.0, counts.sum() / filled)
    score = (idf * frequency * (K1 + 1.0) / (frequency + K1 * length[:, None])).sum(axis=1)
    return np.asarray(score, dtype=np.float32)


def lexical_coverage(encoding: Encoding, query_ids: IntArray) -> FloatArray:
    """Share of the query's idf mass that stands in each unit, in [0, 1], (n,)."""
    present = _term_frequency(encoding, query_ids) > 0
    idf = np.log1p(len(present) / (present.sum(axis=0) + 0.5))
    return np.asarray(present @ idf / max(float(idf.sum()), 1e-9), dtype=np.float32)


def _term_frequency(encoding: Encoding, query_ids: IntArray) -> IntArray:
    """How often each distinct query token stands in each unit, (n, terms)."""
    counts = np.diff(encoding.bounds)
    terms = np.unique(query_ids)
    column = np.searchsorted(terms, encoding.token_ids)
    column[column == len(terms)] = 0
    hit = terms[column] == encoding.token_ids
    cells = np.repeat(np.arange(len(counts)), counts)[hit] * len(terms) + column[hit]
    return np.bincount(cells, minlength=len(counts) * len(terms)).reshape(len(counts), len(terms))


def _with_neighbours(scores: FloatArray, content: BoolArray) -> FloatArray:
    rows = np.flatnonzero(content)
    own = scores[rows]
    padded = np.pad(own, 1, constant_values=-np.inf)
    better = np.maximum(padded[:-2], padded[2:])
    spread = np.zeros_like(scores)
    spread[rows] = own + NEIGHBOUR * np.where(np.isfinite(better), better, 0.0)
    return spread
