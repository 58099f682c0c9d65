"""The most common way to fit a prompt into a window: keep its end."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import FloatArray
from semtoken.evaluation.methods.base import Context, RankingMethod


class Truncate(RankingMethod):
    """Keeps the tail."""

    name = "truncate"

    def score(self, context: Context, rng: np.random.Generator) -> FloatArray:
        """Later is better."""
        return np.arange(len(context.tokens), dtype=np.float32)
