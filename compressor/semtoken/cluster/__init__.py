"""Local clusters of neighbours, and duplicates anywhere earlier in the text."""

from __future__ import annotations

from collections.abc import Set

import numpy as np

from semtoken.cluster.duplicates import find_twins, text_keys
from semtoken.cluster.neighbours import earlier_similarity, neighbour_spans
from semtoken.cluster.templates import log_templates
from semtoken.datamodels import Clusters, Encoding, Segmentation
from semtoken.deadline import Deadline

__all__ = ["cluster", "text_keys", "unclustered"]


def cluster(
    segmentation: Segmentation,
    encoding: Encoding,
    *,
    seen: Set[bytes],
    deadline: Deadline | None = None,
    threshold: float = 0.7,
) -> Clusters:
    """Find local clusters, duplicates and log templates.

    ``threshold`` is the cosine similarity above which neighbours form a span (the paper's tau).
    ``seen`` holds :func:`text_keys` of units that stand verbatim in earlier messages.
    Raises ``DeadlineExceededError``.
    """
    first, rarity = log_templates(segmentation, deadline)
    return Clusters(
        spans=neighbour_spans(encoding.units, segmentation, threshold),
        twins=find_twins(segmentation, seen),
        novelty=np.clip(1.0 - earlier_similarity(encoding.units, segmentation.content), 0.0, 1.0).astype(np.float32),
        template_first=first,
        template_rarity=rarity,
    )


def unclustered(n: int) -> Clusters:
    """The clusters of a text whose cluster stage is switched off: every unit stands alone."""
    return Clusters(
        spans=np.arange(n, dtype=np.int64),
        twins=np.full(n, -1, dtype=np.int64),
        novelty=np.ones(n, dtype=np.float32),
        template_first=np.zeros(n, dtype=np.bool_),
        template_rarity=np.zeros(n, dtype=np.float32),
    )
