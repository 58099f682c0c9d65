"""Embedding-only retrieval: the sentences that mean most nearly what the question does."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import Encoding, FloatArray, IntArray
from semtoken.encoders import EncoderInput
from semtoken.evaluation.methods.base import ENCODER, Context, RankingMethod, Resources
from semtoken.scaling import DIGITS, unit_rows


class Embedding(RankingMethod):
    """Keeps whole sentences by the cosine of their pooled vector with the question's, in their order.

    Without a question it is :class:`~semtoken.evaluation.methods.centroid.Centroid`.
    """

    name = "embedding"
    by_sentence = True
    needs_encoder = True

    def __init__(self, resources: Resources) -> None:
        """Raises ``InvalidOptionError`` without an encoder."""
        super().__init__(resources)
        self._encoder = self._required(resources.encoder, ENCODER)

    def score(self, context: Context, rng: np.random.Generator) -> FloatArray:
        """(sentences,) cosines, rounded so that a tie stays one."""
        document = self._encode(context.text, context.sentence_starts)
        cosines: FloatArray = np.round(document.units @ self._target(document, context.question), DIGITS)
        return cosines

    def _target(self, document: Encoding, question: str | None) -> FloatArray:
        """(d,) unit vector that sentences are compared with."""
        if not question:
            return unit_rows(document.vectors.sum(axis=0))
        target: FloatArray = self._encode(question, np.zeros(1, dtype=np.int64)).units[0]
        return target

    def _encode(self, text: str, starts: IntArray) -> Encoding:
        return self._encoder.encode([EncoderInput(text, starts)])[0]
