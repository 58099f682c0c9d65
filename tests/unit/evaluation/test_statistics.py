from __future__ import annotations

import numpy as np
import pytest
from semtoken.evaluation.statistics import estimate, estimate_over_tasks


def test_the_interval_is_near_the_normal_one() -> None:
    values = np.random.default_rng(0).normal(2.0, 1.0, 400)
    result = estimate(values.tolist(), range(400), seed=0)
    half = 1.96 * values.std() / 20
    assert result.mean == pytest.approx(values.mean(), abs=1e-6)
    assert result.low == pytest.approx(values.mean() - half, abs=0.02)
    assert result.high == pytest.approx(values.mean() + half, abs=0.02)


def test_copies_of_a_document_do_not_narrow_the_interval() -> None:
    values = np.random.default_rng(1).normal(0.0, 1.0, 30).tolist()
    alone = estimate(values, range(30), seed=0)
    copied = estimate([v for v in values for _ in range(10)], [i for i in range(30) for _ in range(10)], seed=0)
    assert copied == alone


def test_seeds_repeat() -> None:
    values = [0.0, 1.0, 0.5, 0.25, 0.7]
    assert estimate(values, range(5), 7) == estimate(values, range(5), 7)
    assert estimate(values, range(5), 7) != estimate(values, range(5), 8)


def test_equal_values_have_a_point_for_an_interval() -> None:
    assert estimate([0.5, 0.5, 0.5], range(3), 0).interval == [0.5, 0.5]


def test_one_cluster_has_no_interval() -> None:
    result = estimate([0.0, 1.0], ["same", "same"], 0)
    assert (result.mean, result.interval) == (0.5, None)


def test_nothing_has_no_mean() -> None:
    with pytest.raises(ValueError, match="0 values"):
        estimate([], [], 0)


def test_every_task_counts_the_same_and_is_drawn_from_by_itself() -> None:
    rng = np.random.default_rng(2)
    large, small = rng.normal(1.0, 1.0, 400), rng.normal(5.0, 1.0, 25)
    result = estimate_over_tasks([(large.tolist(), range(400)), (small.tolist(), range(25))], seed=0)
    assert result.mean == pytest.approx((large.mean() + small.mean()) / 2, abs=1e-6)
    half = 1.96 * np.sqrt(large.var() / 400 + small.var() / 25) / 2
    assert result.low == pytest.approx(result.mean - half, abs=0.03)
    assert result.high == pytest.approx(result.mean + half, abs=0.03)


def test_over_one_task_it_is_that_tasks_estimate() -> None:
    values = [0.0, 1.0, 0.5, 0.25, 0.7, 0.9]
    alone, pooled = estimate(values, "aabbcd", 0), estimate_over_tasks([(values, "aabbcd")], 0)
    assert pooled.mean == alone.mean
    assert pooled.interval == pytest.approx(alone.interval, abs=0.05)


def test_a_task_of_one_cluster_takes_the_interval_away() -> None:
    assert estimate_over_tasks([([0.0, 1.0], "ab"), ([1.0, 1.0], "aa")], 0).interval is None


def test_no_task_has_no_mean() -> None:
    with pytest.raises(ValueError, match="0 tasks"):
        estimate_over_tasks([], 0)
