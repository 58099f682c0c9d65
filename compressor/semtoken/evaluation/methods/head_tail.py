"""Keep both ends, where "Lost in the Middle" (Liu et al. 2023) finds models to look most."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import FloatArray
from semtoken.evaluation.methods.base import Context, RankingMethod


class HeadTail(RankingMethod):
    """Keeps the first and the last tokens in equal number."""

    name = "head-tail"

    def score(self, context: Context, rng: np.random.Generator) -> FloatArray:
        """Farther from the middle is better."""
        count = len(context.tokens)
        distances: FloatArray = np.abs(np.arange(count, dtype=np.float32) - (count - 1) / 2)
        return distances
