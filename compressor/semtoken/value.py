"""What a unit's tokens are worth: density, relevance, recency, duplicates and headings together."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import EARLIER_MESSAGE, Clusters, FloatArray, IntArray, Scores, Segmentation, UnitKind
from semtoken.scaling import DIGITS

RECENCY = 0.3
RECENCY_WITH_QUERY = 0.05
REPEATED = 6.0
"""Taken off the value of a unit whose twin stays: more than any score can make up for."""
TEMPLATE = 12.0
"""Added to the first line of each log template, so that none vanishes while the budget allows."""


def score(
    segmentation: Segmentation, clusters: Clusters, density: FloatArray, relevance: FloatArray, *, recency: bool
) -> Scores:
    """Combine the scores of each unit (n,) into the value that the budget ranks by.

    With a query relevance decides: beside it density cost answers at every weight tried (docs/evaluation.md).
    Without one density does.
    Recency counts within the text, from 0 at its start to 1 at its end.
    """
    n = len(segmentation)
    asked = bool(relevance.any())
    value: FloatArray = relevance if asked else density
    if recency and n > 1:
        weight = RECENCY_WITH_QUERY if asked else RECENCY
        value = value + np.linspace(0.0, weight, n, dtype=np.float32)
    value = value + TEMPLATE * clusters.template_first
    value = _settle_twins(value, clusters.twins)
    value = _lift_headings(value, segmentation)
    return Scores(density, relevance, np.round(value, DIGITS).astype(np.float32))


def _settle_twins(value: FloatArray, twins: IntArray) -> FloatArray:
    """The earliest of equal units takes the best value among them, the others give way.

    So no copy can be dropped for being one while the unit that it copies is dropped as well.
    """
    settled = value.copy()
    rows = np.flatnonzero(twins >= 0)
    np.maximum.at(settled, twins[rows], value[rows])
    settled[rows] -= REPEATED
    settled[twins == EARLIER_MESSAGE] -= REPEATED
    return settled


def _lift_headings(value: FloatArray, segmentation: Segmentation) -> FloatArray:
    """A table's header row is worth as much as the best row under it, so that it stays with it."""
    lifted = value.copy()
    rows = np.flatnonzero((segmentation.headings >= 0) & (segmentation.kinds == UnitKind.TABLE_ROW))
    np.maximum.at(lifted, segmentation.headings[rows], value[rows])
    return lifted
