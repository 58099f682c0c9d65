"""What the relevance head sees of a unit: how well it, its surroundings and what they lead to match the query."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import Encoding, FloatArray, IntArray, Query, Segmentation
from semtoken.relevance.answers import KINDS, answer_kinds
from semtoken.relevance.bridging import bridging
from semtoken.relevance.lexical import adjacent_pairs, bm25, occurrences, rarity
from semtoken.relevance.semantic import best_matches, compared
from semtoken.scaling import zscore

FEATURES = (
    "meaning",
    "meaning of rare words",
    "bm25",
    "pairs of words",
    "meaning added to the best units",
    "second hop",
    "second hop in its section",
    "best of its paragraph",
    "mean of its paragraph",
    "best of its section",
    "the unit before",
    "the unit after",
    *(f"answers for {kind}" for kind in KINDS),
)
BEST = 3
"""Units whose matches a further unit is asked to add to."""
MOST_MATCHES = 1 << 20
"""Matches that are worked on at once."""


def features(segmentation: Segmentation, encoding: Encoding, query: Query) -> FloatArray:
    """The columns of :data:`FEATURES` for each unit, (n, 15); zeros for glue.

    Unbounded columns are z-scored over the text's content units. "Meaning" is late interaction
    (:func:`best_matches`); a first sum of it and BM25 ranks the units whose paragraphs, neighbours
    and second hops (:func:`bridging`) count. What would answer is :func:`answer_kinds`.
    """
    content, ids = segmentation.content, query.encoding.token_ids
    matches = best_matches(encoding, query.encoding)
    terms, place = np.unique(ids, return_inverse=True)
    units_with = occurrences(encoding, terms).among(content).units_with()
    weights = rarity(units_with, int(content.sum()))[place][compared(query.encoding)]
    meaning = zscore(matches.mean(axis=1), content)
    rare = zscore(matches @ (weights / weights.sum()), content)
    lexical = zscore(bm25(encoding, ids), content)
    first = zscore(meaning + rare + lexical, content)
    hop = zscore(bridging(encoding, ids, first, content), content)
    paragraphs, sections = segmentation.paragraphs, segmentation.sections
    rows = np.flatnonzero(content)
    table = np.zeros((len(segmentation), len(FEATURES)), dtype=np.float32)
    columns = (
        meaning,
        rare,
        lexical,
        adjacent_pairs(encoding, ids),
        zscore(_added(matches, first, rows), content),
        hop,
        zscore(_best_of(hop, sections, rows), content),
        zscore(_best_of(first, paragraphs, rows), content),
        zscore(_mean_of(first, paragraphs, rows), content),
        zscore(_best_of(first, sections, rows), content),
        _neighbour(first, rows, -1),
        _neighbour(first, rows, 1),
        *(zscore(column, content) for column in answer_kinds(segmentation, query.text)),
    )
    table[rows] = np.stack(columns, axis=1)[rows]
    return table


def _added(matches: FloatArray, first: FloatArray, rows: IntArray) -> FloatArray:
    """Mean rise of the query tokens' best match when a unit joins one of the ``BEST`` units, the highest, (n,)."""
    added = np.zeros(len(matches), dtype=np.float32)
    step = max(1, MOST_MATCHES // matches.shape[1])
    for best in rows[np.argsort(-first[rows], kind="stable")][:BEST]:
        for start in range(0, len(matches), step):
            part = slice(start, start + step)
            rise = np.maximum(matches[part] - matches[best], 0.0).mean(axis=1)
            np.maximum(added[part], rise, out=added[part])
    return added


def _best_of(values: FloatArray, groups: IntArray, rows: IntArray) -> FloatArray:
    """The highest value among the content units of each unit's group, (n,); ``groups`` never falls."""
    starts, members = _groups(groups[rows])
    best = np.zeros_like(values)
    best[rows] = np.maximum.reduceat(values[rows], starts)[members]
    return best


def _mean_of(values: FloatArray, groups: IntArray, rows: IntArray) -> FloatArray:
    """The mean over the content units of each unit's group, (n,)."""
    starts, members = _groups(groups[rows])
    mean = np.zeros_like(values)
    mean[rows] = (np.add.reduceat(values[rows], starts) / np.bincount(members))[members]
    return mean


def _groups(numbers: IntArray) -> tuple[IntArray, IntArray]:
    begins = np.diff(numbers, prepend=numbers[0] - 1) != 0
    return np.flatnonzero(begins), np.cumsum(begins) - 1


def _neighbour(values: FloatArray, rows: IntArray, step: int) -> FloatArray:
    """The value of the content unit ``step`` places on, the text's lowest beyond its ends, (n,)."""
    own = values[rows]
    padded = np.pad(own, 1, constant_values=own.min())
    shifted = np.zeros_like(values)
    shifted[rows] = padded[1 + step : 1 + step + len(own)]
    return shifted
