"""Means with bootstrap intervals, resampled by cluster.

Questions about one document are not independent, so what is drawn with replacement is the document
with all its questions (cluster bootstrap); with one question a document it is the plain bootstrap. Over
several tasks each is drawn from by itself (stratified), since which tasks there are is no chance.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_RESAMPLES = 2_000
_DIGITS = 6
_QUANTILES = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its 95% interval (None where there are fewer than two clusters)."""

    mean: float
    low: float | None
    high: float | None

    @property
    def interval(self) -> list[float] | None:
        """``[low, high]``, or None where there is none."""
        return None if self.low is None or self.high is None else [self.low, self.high]


def estimate(values: Sequence[float], clusters: Sequence[Hashable], seed: int) -> Estimate:
    """Mean of ``values`` with the 95% percentile interval of the cluster bootstrap.

    ``clusters[i]`` names the cluster of ``values[i]``. Raises ``ValueError`` when the two differ in
    length or are empty.
    """
    if not values or len(values) != len(clusters):
        raise ValueError(f"{len(values)} values in {len(clusters)} clusters have no mean")
    sums, sizes = _cluster(np.asarray(values, dtype=np.float64), clusters)
    mean = float(sums.sum() / sizes.sum())
    if len(sums) < 2:
        return Estimate(round(mean, _DIGITS), None, None)
    return _interval(mean, _resampled(sums, sizes, np.random.default_rng(seed)))


def estimate_over_tasks(tasks: Sequence[tuple[Sequence[float], Sequence[Hashable]]], seed: int) -> Estimate:
    """Mean over tasks of each task's mean, with the 95% percentile interval of the stratified cluster bootstrap.

    A task is its values and their clusters. There is no interval where some task has fewer than two
    clusters. Raises ``ValueError`` without a task, or for one that :func:`estimate` would not take.
    """
    if not tasks or any(not values or len(values) != len(clusters) for values, clusters in tasks):
        raise ValueError(f"{len(tasks)} tasks have no mean: one is empty, or its values and clusters differ in length")
    sums_sizes = [_cluster(np.asarray(values, dtype=np.float64), clusters) for values, clusters in tasks]
    mean = float(np.mean([sums.sum() / sizes.sum() for sums, sizes in sums_sizes]))
    if any(len(sums) < 2 for sums, _ in sums_sizes):
        return Estimate(round(mean, _DIGITS), None, None)
    drawn = [_resampled(*task, np.random.default_rng([seed, number])) for number, task in enumerate(sums_sizes)]
    return _interval(mean, np.mean(drawn, axis=0))


def _interval(mean: float, resampled: npt.NDArray[np.float64]) -> Estimate:
    low, high = np.quantile(resampled, _QUANTILES)
    return Estimate(round(mean, _DIGITS), round(float(low), _DIGITS), round(float(high), _DIGITS))


def _resampled(
    sums: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """(``_RESAMPLES``,) means of draws of as many clusters as there are."""
    if np.ptp(sums / sizes) == 0.0:  # SciPy warns of a degenerate sample; every draw's mean is the mean
        return np.full(_RESAMPLES, sums.sum() / sizes.sum())
    from scipy import stats  # noqa: PLC0415 - an extra

    result = stats.bootstrap(
        (sums, sizes),
        _ratio_of_sums,
        paired=True,
        vectorized=True,
        n_resamples=_RESAMPLES,
        method="percentile",
        rng=rng,
    )
    drawn: npt.NDArray[np.float64] = result.bootstrap_distribution
    return drawn


def _cluster(
    values: npt.NDArray[np.float64], clusters: Sequence[Hashable]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Sum and size of each cluster, clusters in the order of their first member."""
    index: dict[Hashable, int] = {}
    member = np.array([index.setdefault(cluster, len(index)) for cluster in clusters])
    return np.bincount(member, weights=values), np.bincount(member, weights=np.ones(len(values)))


def _ratio_of_sums(
    sums: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64], axis: int = -1
) -> npt.NDArray[np.float64]:
    ratios: npt.NDArray[np.float64] = sums.sum(axis=axis) / sizes.sum(axis=axis)
    return ratios
