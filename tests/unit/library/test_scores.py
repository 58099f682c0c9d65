"""Cluster, density and relevance on vectors whose scores are known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from semtoken.cluster import cluster, text_keys, unclustered
from semtoken.cluster.neighbours import earlier_similarity
from semtoken.datamodels import EARLIER_MESSAGE, Encoding, Query
from semtoken.density import centrality, covariance_trace, naming_share
from semtoken.encoders.windows import pool_units
from semtoken.relevance import bm25, lexical_coverage, relevance
from semtoken.relevance.bridging import bridging
from semtoken.relevance.lexical import adjacent_pairs
from semtoken.relevance.semantic import best_matches
from semtoken.segment import segment
from semtoken.value import recent_units, score


def encoding_of(rows: npt.ArrayLike, bounds: list[int], ids: list[int] | None = None) -> Encoding:
    vectors = np.asarray(rows, dtype=np.float32)
    edges = np.array(bounds, dtype=np.int64)
    places = np.arange(len(vectors), dtype=np.int64)
    token_ids = np.array(ids if ids is not None else places, dtype=np.int64)
    return Encoding(vectors, token_ids, places, places + 1, edges, pool_units(vectors, edges))


def test_trace_is_the_sum_of_the_variances() -> None:
    rng = np.random.default_rng(7)
    vectors = rng.normal(size=(9, 5)).astype(np.float32)
    trace = covariance_trace(vectors, np.array([0, 4, 4, 5, 9]))
    expected = [vectors[:4].var(axis=0).sum(), 0, 0, vectors[5:].var(axis=0).sum()]
    np.testing.assert_allclose(trace, expected, rtol=1e-4, atol=1e-6)


def test_naming_counts_capitals_and_figures_but_not_the_first_word() -> None:
    segmentation = segment("Then Anna met Boris. Nothing was said there. In room 42 they paid 3,50 euros.")
    np.testing.assert_allclose(naming_share(segmentation), [2 / 7, 0, 2 / 10], rtol=1e-6)


@given(st.text(max_size=200))
def test_naming_is_a_share_in_any_text(text: str) -> None:
    shares = naming_share(segment(text))
    assert ((shares >= 0) & (shares < 1)).all()


def test_centrality_is_highest_at_the_mean() -> None:
    units = np.array([[1, 0], [0.6, 0.8], [0, 1], [-1, 0]], dtype=np.float32)
    central = centrality(units, np.array([True, True, True, False]))
    assert central.argmax() == 1
    assert central[3] < 0


def test_each_query_token_is_matched_by_the_closest_token_of_a_unit() -> None:
    text = encoding_of([[1, 0], [0, 1], [1, 1]], [0, 2, 2, 3])
    query = encoding_of([[2, 0], [0, 3]], [0, 2])
    np.testing.assert_allclose(best_matches(text, query), [[1, 1], [0, 0], [np.sqrt(0.5)] * 2], rtol=1e-6)


def test_pairs_count_where_both_tokens_stand_side_by_side_in_one_unit() -> None:
    text = encoding_of(np.ones((7, 2)), [0, 3, 5, 7], ids=[1, 2, 3, 2, 1, 2, 3])
    np.testing.assert_allclose(adjacent_pairs(text, np.array([1, 2, 3])), [1.0, 0.0, 0.5])
    np.testing.assert_allclose(adjacent_pairs(text, np.array([1])), 0)


def test_bm25_prefers_the_unit_with_the_rare_word() -> None:
    text = encoding_of(np.ones((6, 2)), [0, 2, 4, 6], ids=[10, 11, 10, 12, 10, 13])
    scores = bm25(text, np.array([10, 12, 99]))
    assert scores.argmax() == 1
    assert scores[0] == scores[2] > 0
    np.testing.assert_allclose(bm25(text, np.array([99])), 0)


def test_coverage_is_full_where_every_word_stands() -> None:
    text = encoding_of(np.ones((4, 2)), [0, 2, 4], ids=[1, 2, 3, 4])
    np.testing.assert_allclose(lexical_coverage(text, np.array([1, 2])), [1.0, 0.0], atol=1e-6)


def test_a_unit_named_by_the_best_unit_is_reached() -> None:
    # 1 asks; unit 0 answers and names 5; unit 2 speaks of 5, units 1 and 3 of nothing that leads on.
    text = encoding_of(np.ones((8, 2)), [0, 2, 4, 6, 8], ids=[1, 5, 2, 3, 5, 6, 2, 7])
    first = np.array([2.0, 0.5, -1.0, -1.5], dtype=np.float32)
    content = np.ones(4, dtype=np.bool_)
    reached = bridging(text, np.array([1]), first, content)
    assert reached[2] == reached.max() > 0
    assert reached[0] == 0, "a bridge does not lead to itself"
    np.testing.assert_allclose(bridging(text, np.array([1, 2, 5]), first, content), 0, err_msg="nothing new to follow")
    np.testing.assert_allclose(bridging(text, np.array([1]), -np.abs(first), content), 0, err_msg="no bridge")


def test_no_query_no_relevance() -> None:
    segmentation = segment("One is here. Two is here.")
    text = encoding_of(np.eye(2), [0, 1, 2])
    empty = encoding_of(np.zeros((0, 2)), [0, 0])
    assert not relevance(segmentation, text, Query("", empty)).any()


def test_similarity_to_what_is_earlier_looks_back_only() -> None:
    units = np.array([[1, 0], [0, 1], [1, 0], [0.6, 0.8]], dtype=np.float32)
    similarity = earlier_similarity(units, np.array([True, True, True, True]))
    np.testing.assert_allclose(similarity, [0, 0, 1, 0.8], rtol=1e-6)


REPEATED = (
    "The meeting starts at nine in the large hall. "
    "The budget was raised by 40 percent in March. "
    "The meeting starts at nine in the large hall. "
    "The budget was raised by 45 percent in March. "
)


def test_twins_are_found_and_a_changed_figure_is_no_twin() -> None:
    segmentation = segment(REPEATED)
    vectors = np.array([[1, 0], [0, 1], [1, 0], [0, 1]])
    found = cluster(segmentation, encoding_of(vectors, [0, 1, 2, 3, 4]), seen=frozenset())
    assert found.twins.tolist() == [-1, -1, 0, -1]
    np.testing.assert_allclose(found.novelty, [1, 1, 0, 0], atol=1e-6)


OPPOSITES = (
    ("Der Mieter ist nach dem Vertrag berechtigt.", "Der Mieter ist nach dem Vertrag nicht berechtigt."),
    ("Le locataire a le droit de céder le bail.", "Le locataire n’a pas le droit de céder le bail."),
    ("Арендатор имеет право передать квартиру.", "Арендатор не имеет право передать квартиру."),
    (
        "董事会在昨天的会议上批准了公司提出的合并方案并要求尽快执行。",
        "董事会在昨天的会议上拒绝了公司提出的合并方案并要求尽快执行。",
    ),
    ("The smaller company has sued the larger company.", "The larger company has sued the smaller company."),
)


@pytest.mark.parametrize(("said", "opposite"), OPPOSITES)
def test_what_says_the_opposite_is_no_twin_however_close_its_vector(said: str, opposite: str) -> None:
    segmentation = segment("\n\n".join((said, opposite, said)))
    content = np.flatnonzero(segmentation.content).tolist()
    assert len(content) == 3
    n = len(segmentation)
    found = cluster(segmentation, encoding_of(np.ones((n, 2)), list(range(n + 1))), seen=frozenset())
    assert found.twins[content].tolist() == [-1, -1, content[0]]


def test_what_stands_in_an_earlier_message_is_a_twin() -> None:
    segmentation = segment(REPEATED)
    seen = frozenset(key for key in text_keys(segmentation)[:1] if key)
    found = cluster(segmentation, encoding_of(np.eye(4), [0, 1, 2, 3, 4]), seen=seen)
    assert found.twins.tolist() == [EARLIER_MESSAGE, -1, EARLIER_MESSAGE, -1]


def test_a_copy_never_outranks_the_unit_it_copies() -> None:
    segmentation = segment(REPEATED)
    found = cluster(segmentation, encoding_of(np.eye(4), [0, 1, 2, 3, 4]), seen=frozenset())
    relevant = np.array([0, 0, 3, 1], dtype=np.float32)
    values = score(segmentation, found, np.zeros(4, np.float32), relevant).value
    assert values[0] == pytest.approx(3.0)
    assert values[2] < values.min(initial=0, where=np.array([True, True, False, True]))


LOG = "".join(f"2026-01-0{1 + n % 9} 10:00:0{n % 10} INFO worker-{n} finished job {n * 7}\n" for n in range(30))
RARE = "2026-01-09 10:00:01 ERROR disk /dev/sda1 is full\n"


def test_every_log_template_has_a_first_line() -> None:
    segmentation = segment(LOG + RARE + LOG)
    n = len(segmentation)
    found = cluster(segmentation, encoding_of(np.ones((n, 2)), list(range(n + 1))), seen=frozenset())
    lines = [segmentation.text[s:e] for s, e in zip(segmentation.starts, segmentation.ends, strict=True)]
    firsts = [line for line, first in zip(lines, found.template_first, strict=True) if first]
    assert RARE in firsts
    assert 2 <= len(firsts) <= 6
    assert found.template_rarity[lines.index(RARE)] == found.template_rarity.max()


def test_the_end_of_a_text_stays_where_nothing_is_asked() -> None:
    costs = np.array([10, 10, 10, 10])
    assert recent_units(costs, 100).tolist() == [False, False, True, True]
    assert not recent_units(costs, 49).any()
    segmentation = segment("One is here. Two is here. Three is here. Four is here.")
    dense = np.array([3, 2, 1, 0], dtype=np.float32)
    none = np.zeros(4, np.float32)
    recent = np.array([False, False, False, True])
    assert score(segmentation, unclustered(4), dense, none, recent).value.argmax() == 3
    assert score(segmentation, unclustered(4), dense, none).value.argmax() == 0
    assert score(segmentation, unclustered(4), none, dense, recent).value.argmax() == 0, "a question decides"
