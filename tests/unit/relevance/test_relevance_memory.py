"""What relevance holds at once grows with the text, not with the text times the query's terms."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from semtoken.datamodels import Encoding, FloatArray, IntArray, Query
from semtoken.encoders.windows import pool_units
from semtoken.relevance import bm25, lexical_coverage
from semtoken.relevance.bridging import bridging
from semtoken.relevance.features import FEATURES, features
from semtoken.relevance.lexical import K1, B, adjacent_pairs
from semtoken.relevance.semantic import MOST_COMPARED, best_matches, compared
from semtoken.segment import segment

MIB = 1 << 20
ASKED = np.arange(700, dtype=np.int64)
TOKENS = 4
"""Of each unit."""


def encoded(ids: IntArray, bounds: IntArray) -> Encoding:
    vectors = np.random.default_rng(len(ids)).normal(size=(len(ids), 8)).astype(np.float32)
    places = np.arange(len(ids), dtype=np.int64)
    return Encoding(vectors, ids, places, places + 1, bounds, pool_units(vectors, bounds))


def random_text(units: int) -> Encoding:
    ids = np.random.default_rng(0).integers(0, 2_000, size=TOKENS * units)
    return encoded(ids, np.arange(0, TOKENS * units + 1, TOKENS))


def query(ids: IntArray) -> Encoding:
    return encoded(ids, np.array([0, len(ids)]))


def peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def reached(text: Encoding, ids: IntArray) -> FloatArray:
    units = len(text.units)
    # Bridges that lead on: the query is no more than one word.
    return bridging(text, ids[:1], np.linspace(1, 2, units, dtype=np.float32), np.ones(units, dtype=np.bool_))


@pytest.mark.parametrize("score", [bm25, lexical_coverage, adjacent_pairs])
def test_no_table_of_units_by_terms_is_made(score: Callable[[Encoding, IntArray], FloatArray]) -> None:
    units = 10_000
    text = random_text(units)
    assert peak(lambda: score(text, ASKED)) < units * len(ASKED), "a byte a cell"


def test_bridges_of_many_words_make_no_table_either() -> None:
    units = 10_000
    ids = np.random.default_rng(0).integers(0, 2_000, size=TOKENS * units + 2_000)
    bounds = np.append(np.arange(0, TOKENS * units + 1, TOKENS), len(ids))
    text = encoded(ids, bounds)
    assert peak(lambda: reached(text, ASKED)) < units * 1_000, "the last unit, a bridge, has over 1,000 words"


def test_features_of_many_short_lines_and_a_long_query_take_little_more_than_the_matches() -> None:
    segmentation = segment("\n".join(f"- row {k}" for k in range(10_000)))
    units = len(segmentation)
    text, asked = random_text(units), Query("x", query(ASKED))
    matches = 4 * units * len(ASKED)
    assert peak(lambda: features(segmentation, text, asked)) < matches + 90 * MIB


def test_of_an_endless_query_either_end_is_compared() -> None:
    text, asked = random_text(50), query(np.arange(3 * MOST_COMPARED, dtype=np.int64))
    read = compared(asked)
    assert read[[0, -1]].tolist() == [0, 3 * MOST_COMPARED - 1]
    assert best_matches(text, asked).shape == (50, MOST_COMPARED)
    short = query(ASKED)
    np.testing.assert_array_equal(compared(short), np.arange(len(ASKED)))
    segmentation = segment("\n".join(f"- row {k}" for k in range(50)))
    assert features(segmentation, random_text(len(segmentation)), Query("x", asked)).shape[1] == len(FEATURES)


def test_bm25_is_that_of_the_whole_table() -> None:
    text = random_text(300)
    rows = text.token_ids.reshape(-1, TOKENS)
    frequency = (rows[:, :, None] == ASKED).sum(axis=1)
    units_with = (frequency > 0).sum(axis=0)
    idf = np.log1p((len(rows) - units_with + 0.5) / (units_with + 0.5))
    expected = (idf * frequency * (K1 + 1) / (frequency + K1 * (1 - B + B))).sum(axis=1)
    np.testing.assert_array_equal(bm25(text, ASKED), expected.astype(np.float32))
    coverage = np.log1p(len(rows) / (units_with + 0.5))
    expected = (frequency > 0) @ coverage / coverage.sum()
    np.testing.assert_allclose(lexical_coverage(text, ASKED), expected, rtol=1e-6)
