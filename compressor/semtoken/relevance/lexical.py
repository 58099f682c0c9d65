"""What shares the rare words; terms are the encoder's vocabulary, so that no script needs a word splitter."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import BoolArray, Encoding, FloatArray, IntArray

K1, B = 1.2, 0.75


def bm25(encoding: Encoding, query_ids: IntArray) -> FloatArray:
    """BM25 (Robertson and Zaragoza, 2009) of each unit for the query's distinct tokens, (n,).

    Units are the documents and the encoder's vocabulary the terms, so that rare
    words are several terms and weigh accordingly.
    """
    counts = np.diff(encoding.bounds)
    frequency = term_frequency(encoding, query_ids)
    units_with = (frequency > 0).sum(axis=0)
    filled = max(1, int((counts > 0).sum()))
    idf = np.log1p((filled - units_with + 0.5) / (units_with + 0.5))
    length = 1.0 - B + B * counts / max(1.0, counts.sum() / filled)
    score = (idf * frequency * (K1 + 1.0) / (frequency + K1 * length[:, None])).sum(axis=1)
    return np.asarray(score, dtype=np.float32)


def lexical_coverage(encoding: Encoding, query_ids: IntArray) -> FloatArray:
    """Share of the query's idf mass that stands in each unit, in [0, 1], (n,)."""
    present = term_frequency(encoding, query_ids) > 0
    idf = rarity(present)
    return np.asarray(present @ idf / max(float(idf.sum()), 1e-9), dtype=np.float32)


def adjacent_pairs(encoding: Encoding, query_ids: IntArray) -> FloatArray:
    """Share of the query's distinct pairs of neighbouring tokens that stand in each unit, in [0, 1], (n,)."""
    pairs = np.unique(_pairs(query_ids))
    owner = np.repeat(np.arange(len(encoding.bounds) - 1), np.diff(encoding.bounds))
    inside = owner[:-1] == owner[1:]
    hit = inside & np.isin(_pairs(encoding.token_ids), pairs)
    found = np.zeros((len(encoding.bounds) - 1, len(pairs)), dtype=np.bool_)
    found[owner[:-1][hit], np.searchsorted(pairs, _pairs(encoding.token_ids)[hit])] = True
    return np.asarray(found.sum(axis=1) / max(1, len(pairs)), dtype=np.float32)


def rarity(present: BoolArray) -> FloatArray:
    """Inverse document frequency of each term, ``present`` (n, terms) saying which unit holds it, (terms,)."""
    return np.asarray(np.log1p(len(present) / (present.sum(axis=0) + 0.5)), dtype=np.float32)


def term_frequency(encoding: Encoding, query_ids: IntArray) -> IntArray:
    """How often each distinct token of ``query_ids``, in their order by id, stands in each unit, (n, terms)."""
    counts = np.diff(encoding.bounds)
    terms = np.unique(query_ids)
    column = np.searchsorted(terms, encoding.token_ids)
    column[column == len(terms)] = 0
    hit = terms[column] == encoding.token_ids
    cells = np.repeat(np.arange(len(counts)), counts)[hit] * len(terms) + column[hit]
    return np.bincount(cells, minlength=len(counts) * len(terms)).reshape(len(counts), len(terms))


def _pairs(ids: IntArray) -> IntArray:
    return (ids[:-1] << 32) + ids[1:]
