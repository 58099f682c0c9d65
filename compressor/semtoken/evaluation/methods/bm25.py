"""Lexical retrieval: the sentences that share the question's rare words."""

from __future__ import annotations

import bm25s
import numpy as np

from semtoken.datamodels import FloatArray
from semtoken.evaluation.methods.base import Context, RankingMethod
from semtoken.evaluation.words import words


class Bm25(RankingMethod):
    """Keeps whole sentences by BM25 (Lucene's variant, k1 1.5, b 0.75) in their order.

    Without a question the text itself is the query: the sentences most typical of it are kept.
    """

    name = "bm25"
    by_sentence = True

    def score(self, context: Context, rng: np.random.Generator) -> FloatArray:
        """BM25 of each sentence; zero where the query shares no word with the text."""
        corpus = [words(sentence) for sentence in context.sentences]
        known = {word for sentence in corpus for word in sentence}
        query = [word for word in words(context.question or context.text) if word in known]
        if not query:
            return np.zeros(len(corpus), dtype=np.float32)
        index = bm25s.BM25()
        index.index(corpus, show_progress=False)
        scores: FloatArray = np.asarray(index.get_scores(query), dtype=np.float32)
        return scores
