"""What a unit's tokens are worth: density, relevance, recency, duplicates and headings together."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import (
    EARLIER_MESSAGE,
    BoolArray,
    Clusters,
    FloatArray,
    IntArray,
    Scores,
    Segmentation,
    UnitKind,
)
from semtoken.scaling import DIGITS

RECENCY_WITH_QUERY = 0.05
RECENT_SHARE = 0.2
"""Share of the budget that the end of the text gets where there is no query: what follows a text hangs
on its last sentences most. More of it costs answers, less costs perplexity (docs/evaluation.md)."""
RECENT = 6.0
"""Added to the value of a unit in that window."""
REPEATED = 6.0
"""Taken off the value of a unit whose twin stays: more than any score can make up for."""
TEMPLATE = 12.0
"""Added to the first line of each log template, so that under an exact bound they go last."""


def recent_units(costs: IntArray, budget: int) -> BoolArray:
    """(n,) the last units that together cost at most ``RECENT_SHARE`` of ``budget`` tokens."""
    return np.asarray(np.cumsum(costs[::-1])[::-1] <= RECENT_SHARE * budget, dtype=np.bool_)


def score(
    segmentation: Segmentation,
    clusters: Clusters,
    density: FloatArray,
    relevance: FloatArray,
    recent: BoolArray | None = None,
) -> Scores:
    """Combine the scores of each unit (n,) into the value that the budget ranks by.

    With a query relevance decides: beside it density cost answers at every weight tried
    (docs/evaluation.md). Without one density does, outside the ``recent`` units (n,). ``recent`` is
    None where recency has no say.
    """
    n = len(segmentation)
    asked = bool(relevance.any())
    value: FloatArray = relevance if asked else density
    if recent is not None and asked:
        value = value + np.linspace(0.0, RECENCY_WITH_QUERY, n, dtype=np.float32)
    elif recent is not None:
        value = value + np.where(recent, np.float32(RECENT), np.float32(0.0))
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
    """The heading above a table is worth as much as the best row right under it, so that it stays with it.

    A header row needs no more worth than its own: ``allocate`` lets no row stay without it.
    """
    lifted = value.copy()
    row = segmentation.kinds == UnitKind.TABLE_ROW
    rows = np.flatnonzero(row & (segmentation.headings >= 0) & ~row[segmentation.headings])
    np.maximum.at(lifted, segmentation.headings[rows], value[rows])
    return lifted
