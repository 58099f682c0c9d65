"""What became of every unit, in the terms of the result."""

from __future__ import annotations

from collections.abc import Set

from semtoken.datamodels import EARLIER_MESSAGE, BoolArray, Clusters, Decision, Scores, Segmentation, Span


def explain(
    segmentation: Segmentation,
    clusters: Clusters,
    scores: Scores,
    keep: BoolArray,
    thinned: Set[int],
    merged: Set[int] = frozenset(),
) -> tuple[Span, ...]:
    """One span per unit, with its decision and scores.

    ``keep`` (n,) holds the units that stay whole, ``thinned`` the indices of those that stay in part and
    ``merged`` of those that left a merged vector.
    """
    rows = zip(
        segmentation.starts.tolist(),
        segmentation.ends.tolist(),
        scores.density.tolist(),
        scores.relevance.tolist(),
        clusters.spans.tolist(),
        strict=True,
    )
    return tuple(
        Span(start, end, _decision(unit, segmentation, clusters, keep, thinned, merged), density, relevance, group)
        for unit, (start, end, density, relevance, group) in enumerate(rows)
    )


def _decision(
    unit: int, segmentation: Segmentation, clusters: Clusters, keep: BoolArray, thinned: Set[int], merged: Set[int]
) -> Decision:
    if keep[unit]:
        return Decision.PINNED if segmentation.pinned[unit] else Decision.KEEP
    if unit in thinned:
        return Decision.THIN
    if unit in merged:
        return Decision.MERGE
    twin = int(clusters.twins[unit])
    if twin == EARLIER_MESSAGE or (twin >= 0 and keep[twin]):
        return Decision.MERGE
    return Decision.DROP
