"""Sentences by chance: the floor for methods that choose sentences."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import FloatArray
from semtoken.evaluation.methods.base import Context, RankingMethod


class RandomSentence(RankingMethod):
    """Keeps random sentences in order, the last of them only in part."""

    name = "random-sentence"
    by_sentence = True

    def score(self, context: Context, rng: np.random.Generator) -> FloatArray:
        """A random number a sentence."""
        return rng.random(len(context.sentence_starts), dtype=np.float32)
