"""Relevance of units to a query: what a small trained head makes of their features."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import Encoding, FloatArray, Query, Segmentation
from semtoken.relevance.features import features
from semtoken.relevance.head import trained
from semtoken.scaling import zscore


def relevance(segmentation: Segmentation, encoding: Encoding, query: Query) -> FloatArray:
    """Relevance of each unit to the query (n,), z-scored over the text's content units.

    The features are :data:`semtoken.relevance.features.FEATURES`; the head was trained to find the
    units that hold the answers (docs/adr/0009-relevance-head.md).
    """
    content = segmentation.content
    if not len(query.encoding.token_ids) or not content.any():
        return np.zeros(len(segmentation), dtype=np.float32)
    return zscore(trained()(features(segmentation, encoding, query)), content)
