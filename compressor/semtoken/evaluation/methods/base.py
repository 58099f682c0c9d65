"""What every method shares: the token budget, counting, timing, and the way from scores to a text."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import ClassVar, Protocol, TypeVar

import numpy as np

from semtoken.datamodels import BoolArray, CompressionResult, FloatArray, IntArray
from semtoken.encoders import Encoder
from semtoken.errors import InvalidOptionError
from semtoken.evaluation.scorers.base import CausalModel, LanguageModel
from semtoken.options import CompressionOptions
from semtoken.segment import segment
from semtoken.tokenizer import ServedTokenizer, TokenizedText

WEIGHTS = "the model's weights in a local folder (--model)"
ENCODER = "an encoder (--encoder)"

_FITTING_ROUNDS = 12

_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class Compressed:
    """A context after compression."""

    text: str = field(repr=False)
    tokens: int
    seconds: float
    """Time the method took for this text, its share for all ratios (scoring) included."""
    vectors: FloatArray | None = field(default=None, repr=False)
    """(tokens, d) input embeddings for the evaluated model, where the form is not text; ``text`` then
    shows what of the original stands in them as it was."""


@dataclass(frozen=True)
class Context:
    """A text to compress, with what methods need of it, each part made when first asked for."""

    text: str = field(repr=False)
    question: str | None
    served: ServedTokenizer = field(repr=False)

    @cached_property
    def tokens(self) -> TokenizedText:
        """The text in the served model's tokenizer."""
        return self.served.tokenize(self.text)

    @cached_property
    def sentence_starts(self) -> IntArray:
        """(s,) where each sentence (heading, list item, table row, ...) starts; blanks after it are its own."""
        units = segment(self.text)
        starts = units.starts[units.content]
        return np.concatenate([np.zeros(1, dtype=np.int64), starts[1:]])

    @property
    def sentences(self) -> list[str]:
        """The sentences in order; together they are the text."""
        starts = self.sentence_starts.tolist()
        return [self.text[start:end] for start, end in zip(starts, [*starts[1:], len(self.text)], strict=True)]

    @property
    def sentence_of(self) -> IntArray:
        """(t,) number of the sentence in which each token ends.

        Not starts: a word's token begins with the blank before it, which is the sentence's before.
        """
        return np.searchsorted(self.sentence_starts, self.tokens.ends - 1, side="right") - 1


class TextCompressor(Protocol):
    """The part of ``semtoken.Compressor`` that is evaluated."""

    def compress(self, text: str, query: str | None = ..., options: CompressionOptions = ...) -> CompressionResult:
        """Compress one text."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What methods may be built from."""

    tokenizer: ServedTokenizer
    language_model: LanguageModel | None = None
    """For methods that need a model's own probabilities."""
    causal_model: CausalModel | None = None
    """The same model, for methods that run it in their own way."""
    encoder: Encoder | None = None
    """For methods that compare meanings."""
    compressor: TextCompressor | None = None
    """The library under evaluation."""


class Method(ABC):
    """A way to shorten a context."""

    name: ClassVar[str]
    optional: ClassVar[bool] = False
    """Whether it runs only when it is named: a peer that is slow or needs more than the project does."""
    needs_language_model: ClassVar[bool] = False
    needs_encoder: ClassVar[bool] = False
    needs_compressor: ClassVar[bool] = False

    def __init__(self, resources: Resources) -> None:
        """Take what the method needs; raises ``InvalidOptionError`` when it is not there."""
        self._served = resources.tokenizer

    def _required(self, part: _Part | None, what: str) -> _Part:
        """``part``; raises ``InvalidOptionError`` where there is none."""
        if part is None:
            raise InvalidOptionError(f"the method {self.name!r} needs {what}", param="methods")
        return part

    @abstractmethod
    def compress(
        self, text: str, question: str | None, budgets: Sequence[int], rng: np.random.Generator
    ) -> list[Compressed]:
        """Compress ``text`` to each budget of tokens (served tokenizer), query-free without a question."""


class RankingMethod(Method):
    """Keeps what scores highest; a method of this kind writes :meth:`score` and nothing else."""

    by_sentence: ClassVar[bool] = False
    """Whether there is one score a sentence, or one a token."""

    @abstractmethod
    def score(self, context: Context, rng: np.random.Generator) -> FloatArray:
        """(sentences,) or (tokens,) scores; higher is kept first, ties go to the earlier."""

    def compress(
        self, text: str, question: str | None, budgets: Sequence[int], rng: np.random.Generator
    ) -> list[Compressed]:
        """Rank once, then cut the ranking at every budget."""
        started = time.perf_counter()
        context = Context(text, question, self._served)
        order = self._order(context, self.score(context, rng))
        shared = time.perf_counter() - started
        results = []
        for budget in budgets:
            started = time.perf_counter()
            shorter, tokens = self._fit(context, order, budget)
            results.append(Compressed(shorter, tokens, shared + time.perf_counter() - started))
        return results

    def _order(self, context: Context, scores: FloatArray) -> IntArray:
        """(t,) tokens by falling preference; a sentence's tokens in their order, so that its head is kept."""
        if not self.by_sentence:
            return np.argsort(-scores, kind="stable")
        rank = np.empty(len(scores), dtype=np.int64)
        rank[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
        return np.argsort(rank[context.sentence_of], kind="stable")

    def _fit(self, context: Context, order: IntArray, budget: int) -> tuple[str, int]:
        """The longest text found within the budget.

        Taking tokens out changes how the rest is tokenised, so the number kept is corrected by what
        the shorter text really counts.
        """
        best, best_tokens = "", 0
        fitting, over = 0, len(order) + 1
        keep = min(budget, len(order))
        for _ in range(_FITTING_ROUNDS):
            text = self._join(context, order[:keep])
            tokens = self._served.count(text)
            if tokens <= budget:
                fitting = max(fitting, keep)
                best, best_tokens = max((best, best_tokens), (text, tokens), key=lambda pair: pair[1])
            else:
                over = min(over, keep)
            if tokens == budget or over - fitting <= 1:
                break
            keep = int(np.clip(round(keep * budget / max(1, tokens)), fitting + 1, over - 1))
        return best, best_tokens

    def _join(self, context: Context, kept: IntArray) -> str:
        """The kept tokens' characters in text order."""
        if not len(kept):
            return ""
        runs = _runs(context, kept)
        pieces = [context.text[start:end] for start, end in runs]
        if not self.by_sentence:
            return "".join(pieces)
        # Sentences from different places must not run into one another.
        touching = [not (a[-1:].isspace() or b[:1].isspace()) for a, b in pairwise(pieces)]
        return pieces[0] + "".join(f" {b}" if touch else b for touch, b in zip(touching, pieces[1:], strict=True))


def _runs(context: Context, kept: IntArray) -> list[tuple[int, int]]:
    """Character ranges of the kept tokens, neighbours joined."""
    mask: BoolArray = np.zeros(len(context.tokens), dtype=bool)
    mask[kept] = True
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    runs: list[tuple[int, int]] = []
    for first, last in edges.reshape(-1, 2):
        start, end = int(context.tokens.starts[first]), int(context.tokens.ends[last - 1])
        # Several tokens may share one character (byte-level BPE): it is taken once.
        if runs and start < runs[-1][1]:
            start = runs[-1][1]
        runs.append((start, max(start, end)))
    return runs
