"""Means with bootstrap intervals, resampled by cluster.

Questions about one document are not independent, so what is drawn with replacement is the document
with all its questions (cluster bootstrap); with one question a document it is the plain bootstrap.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

_RESAMPLES = 2_000
_DIGITS = 6


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
    mean = round(float(sums.sum() / sizes.sum()), _DIGITS)
    if len(sums) < 2:
        return Estimate(mean, None, None)
    if np.ptp(sums / sizes) == 0.0:  # SciPy warns of a degenerate sample; its interval is the mean
        return Estimate(mean, mean, mean)
    result = stats.bootstrap(
        (sums, sizes),
        _ratio_of_sums,
        paired=True,
        vectorized=True,
        n_resamples=_RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    low, high = result.confidence_interval
    return Estimate(mean, round(float(low), _DIGITS), round(float(high), _DIGITS))


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
