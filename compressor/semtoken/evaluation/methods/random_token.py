"""Tokens by chance: the floor for methods that drop tokens."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import FloatArray
from semtoken.evaluation.methods.base import Context, RankingMethod


class RandomToken(RankingMethod):
    """Keeps random tokens in order."""

    name = "random-token"

    def score(self, context: Context, rng: np.random.Generator) -> FloatArray:
        """A random number a token."""
        return rng.random(len(context.tokens), dtype=np.float32)
