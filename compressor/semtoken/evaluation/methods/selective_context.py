"""Selective Context (Li et al. 2023, https://aclanthology.org/2023.emnlp-main.391) with the evaluated model.

The authors' package `selective-context` 0.1.4 cannot be installed beside current libraries (it pins
spaCy 3.2 and with it pydantic 1) and knows GPT-2 alone, so the method is written anew after it: blanks
collapse to one, self-information is measured within each sentence by itself, a sentence's is its
tokens' mean, and what has least is dropped. Phrases, its third level, need spaCy's parser.
Where the model wants no token before a text, the first token of a sentence gets its others' mean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from semtoken.datamodels import FloatArray
from semtoken.evaluation.methods.base import WEIGHTS, Compressed, Context, RankingMethod, Resources


class SelectiveContextToken(RankingMethod):
    """Keeps the tokens of highest self-information within their sentence."""

    name = "selective-context-token"
    optional = True
    needs_language_model = True

    def __init__(self, resources: Resources) -> None:
        """Raises ``InvalidOptionError`` without a local language model."""
        super().__init__(resources)
        self._model = self._required(resources.language_model, WEIGHTS)

    def compress(
        self, text: str, question: str | None, budgets: Sequence[int], rng: np.random.Generator
    ) -> list[Compressed]:
        """Rank and cut the text with its blanks collapsed."""
        return super().compress(re.sub(r"\s+", " ", text), question, budgets, rng)

    def score(self, context: Context, rng: np.random.Generator) -> FloatArray:
        """(tokens,) nats of each given what stands before it in its sentence."""
        edges = np.flatnonzero(np.diff(context.sentence_of)) + 1
        sentences = np.split(context.tokens.ids, edges)
        return np.concatenate([self._model.surprisal(ids.tolist()) for ids in sentences])


class SelectiveContextSentence(SelectiveContextToken):
    """Keeps the sentences of highest mean self-information."""

    name = "selective-context-sentence"
    by_sentence = True

    def score(self, context: Context, rng: np.random.Generator) -> FloatArray:
        """(sentences,) mean nats of each sentence's tokens; zero for one without any."""
        places, count = context.sentence_of, len(context.sentence_starts)
        nats = np.bincount(places, weights=super().score(context, rng), minlength=count)
        means: FloatArray = (nats / np.maximum(1, np.bincount(places, minlength=count))).astype(np.float32)
        return means
