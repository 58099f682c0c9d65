"""Entropy pruning, the baseline of the SemToken paper: drop the tokens that a language model finds least surprising.

The paper gives no code for it. Here a token's self-information is taken from the evaluated model itself,
as Selective Context does (Li et al. 2023, https://aclanthology.org/2023.emnlp-main.391, token level).
"""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import FloatArray
from semtoken.evaluation.methods.base import WEIGHTS, Context, RankingMethod, Resources


class EntropyPrune(RankingMethod):
    """Keeps the tokens of highest self-information."""

    name = "entropy-prune"
    needs_language_model = True

    def __init__(self, resources: Resources) -> None:
        """Raises ``InvalidOptionError`` without a local language model."""
        super().__init__(resources)
        self._model = self._required(resources.language_model, WEIGHTS)

    def score(self, context: Context, rng: np.random.Generator) -> FloatArray:
        """Nats of each token given the text before it."""
        return self._model.surprisal(context.tokens.ids.tolist())
