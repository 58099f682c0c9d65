"""The SemToken paper's literal recipe (arXiv 2508.15190, section 3): like neighbours become their mean."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch

from semtoken.datamodels import BoolArray, Encoding, FloatArray, IntArray
from semtoken.encoders import EncoderInput
from semtoken.evaluation.methods.base import ENCODER, WEIGHTS, Compressed, Context, Method, Resources
from semtoken.scaling import DIGITS, unit_rows
from semtoken.tokenizer import TokenizedText

MERGED = "\ufffd"
"""Stands in the shown text for a group that was averaged."""


class EmbeddingMerge(Method):
    """Merges neighbouring tokens whose contextual vectors' cosine passes tau, averaging their input embeddings.

    The paper fixes tau; here each budget has its own, the one at which so many groups are left. The
    form is vectors of the evaluated model: it needs its weights, both here and to be read.
    """

    name = "embedding-merge"
    optional = True
    needs_language_model = True
    needs_encoder = True

    def __init__(self, resources: Resources) -> None:
        """Raises ``InvalidOptionError`` without an encoder or a local model."""
        super().__init__(resources)
        self._encoder = self._required(resources.encoder, ENCODER)
        self._embed = self._required(resources.causal_model, WEIGHTS).model.get_input_embeddings()

    def compress(
        self, text: str, question: str | None, budgets: Sequence[int], rng: np.random.Generator
    ) -> list[Compressed]:
        """Compare neighbours once, then merge to every budget; the question has no say."""
        started = time.perf_counter()
        context = Context(text, question, self._served)
        [encoding] = self._encoder.encode([EncoderInput(text, context.sentence_starts)])
        meanings = unit_rows(_meanings(context.tokens, encoding))
        cosines = np.round((meanings[1:] * meanings[:-1]).sum(axis=1), DIGITS)
        inputs = self._input_embeddings(context.tokens.ids)
        # The joints that hold least, first; among equals the earlier.
        joints = np.argsort(cosines, kind="stable") + 1
        shared = time.perf_counter() - started
        results = []
        for budget in budgets:
            started = time.perf_counter()
            starts = np.sort(np.append(joints[: max(0, budget - 1)], 0))
            sizes = np.diff(starts, append=len(inputs))
            vectors: FloatArray = (np.add.reduceat(inputs, starts) / sizes[:, None]).astype(np.float32)
            seconds = shared + time.perf_counter() - started
            results.append(Compressed(_shown(context, starts, sizes == 1), len(vectors), seconds, vectors))
        return results

    @torch.inference_mode()
    def _input_embeddings(self, ids: IntArray) -> FloatArray:
        """(t, d) rows of the model's table, with its own scaling where it scales."""
        device = self._embed.weight.device
        rows: FloatArray = self._embed(torch.from_numpy(ids).to(device)).float().cpu().numpy()
        return rows


def _meanings(tokens: TokenizedText, encoding: Encoding) -> FloatArray:
    """(t, d) mean vector of the encoder's tokens that share characters with each token.

    A token of blanks alone, which encoders skip, gets the vector of the encoder's next token.
    """
    last = len(encoding.token_ids) - 1
    first = np.minimum(np.searchsorted(encoding.token_ends, tokens.starts, side="right"), last)
    end = np.maximum(np.searchsorted(encoding.token_starts, tokens.ends, side="left"), first + 1)
    sums = np.concatenate([np.zeros((1, encoding.vectors.shape[1])), np.cumsum(encoding.vectors, axis=0)])
    means: FloatArray = ((sums[end] - sums[first]) / (end - first)[:, None]).astype(np.float32)
    return means


def _shown(context: Context, starts: IntArray, alone: BoolArray) -> str:
    """The tokens that stand for themselves, and a mark for every group."""
    tokens = context.tokens
    pieces = [
        context.text[tokens.starts[place] : tokens.ends[place]] if single else MERGED
        for place, single in zip(starts.tolist(), alone.tolist(), strict=True)
    ]
    return "".join(pieces)
