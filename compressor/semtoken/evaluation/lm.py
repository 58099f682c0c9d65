"""Language modelling: what a document's next tokens cost after its shortened past.

A window is ``context`` tokens of one document and the ``target`` tokens that follow. Every method
shortens the context, without a question; the target is always the same tokens, and its NLL after the
whole context is what ``delta_nll`` is measured from. Windows never cross documents and never overlap.
Target tokens that need something far back (:mod:`semtoken.evaluation.far_context`) are told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from semtoken.datamodels import FloatArray
from semtoken.errors import InvalidInputError
from semtoken.evaluation.datasets import Corpus
from semtoken.evaluation.extra import require_extra
from semtoken.evaluation.far_context import Mentions, RareWords, far_nats
from semtoken.evaluation.journal import UNRECORDED, Record
from semtoken.evaluation.methods import Compressed, Method
from semtoken.evaluation.protocol import Progress, generator, sample, silent, token_budget
from semtoken.evaluation.scorers.base import LanguageModel, VectorReader
from semtoken.tokenizer import ServedTokenizer

_TASK = "lm"


@dataclass(frozen=True, slots=True)
class LmSettings:
    """What one run of the language-modelling evaluation does."""

    context: int = 4_096
    target: int = 256
    ratios: tuple[float, ...] = (2.4,)
    limit: int | None = None
    """Most windows a file, drawn by ``seed``."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a document: its past as text, its target as token ids."""

    document: int
    number: int
    context: str = field(repr=False)
    target: tuple[int, ...] = field(repr=False)
    distances: tuple[int, ...] = field(repr=False)
    """(target,) tokens from the last mention of each target token's rare word to the context's end, or 0."""


@dataclass(frozen=True, slots=True)
class LmOutcome:
    """One method at one ratio on one window."""

    data: str
    task: str
    document: int
    window: int
    method: str
    ratio: float
    original_tokens: int
    kept_fraction: float
    nll: float
    """Nats per target token."""
    delta_nll: float
    far_nats: tuple[float, ...] = field(repr=False)
    """Nats of the target tokens that are far at the ratio; without compression, at the mildest ratio."""
    far_nats_whole: tuple[float, ...] = field(repr=False)
    """Nats of the same tokens after the whole context."""
    compress_seconds: float


@dataclass(frozen=True, slots=True)
class LmRun:
    """Everything that was measured, and the files without a document long enough."""

    outcomes: tuple[LmOutcome, ...] = field(repr=False)
    too_short: tuple[str, ...]


def run_lm(
    corpora: Sequence[Corpus],
    methods: Sequence[Method],
    model: LanguageModel,
    settings: LmSettings,
    progress: Progress = silent,
    record: Record = UNRECORDED,
) -> LmRun:
    """Measure every method at every ratio on every window drawn; ``methods`` begin with ``none``.

    What ``record`` has of an earlier run is not measured again. Raises ``InvalidInputError`` when a
    window is longer than the model's or no document holds one.
    """
    require_extra()
    length = settings.context + settings.target
    if length > model.window:
        raise InvalidInputError(f"context and target of {length} tokens exceed the model's window of {model.window}")
    drawn = {
        corpus.name: sample(list(cut_windows(corpus, model.tokenizer, settings)), settings.limit, settings.seed)
        for corpus in corpora
    }
    total, done = sum(map(len, drawn.values())), 0
    outcomes: list[LmOutcome] = []
    for name, windows in drawn.items():
        for window in windows:
            progress(done, total, f"{name} document {window.document} window {window.number}")
            step = (name, str(window.document), str(window.number))
            measure = partial(_measure, name, window, methods, model, settings)
            outcomes.extend(record.outcomes(step, LmOutcome, measure))
            done += 1
    progress(done, total, "done")
    if not outcomes:
        raise InvalidInputError(f"no document holds a window of {length} tokens", param="context")
    return LmRun(tuple(outcomes), tuple(name for name, windows in drawn.items() if not windows))


def cut_windows(corpus: Corpus, tokenizer: ServedTokenizer, settings: LmSettings) -> Iterator[Window]:
    """The windows of every document, one behind the other; documents shorter than one give none."""
    length = settings.context + settings.target
    rare = RareWords(corpus.documents)
    for number, document in enumerate(corpus.documents):
        tokens = tokenizer.tokenize(document)
        mentions = Mentions.of(document, tokens)
        for window, start in enumerate(range(0, len(tokens) - length + 1, length)):
            middle, end = start + settings.context, start + length
            past = document[int(tokens.starts[start]) : int(tokens.starts[middle])]
            distances = mentions.distances(start, middle, end, rare)
            yield Window(number, window, past, tuple(tokens.ids[middle:end].tolist()), distances)


def _measure(
    data: str, window: Window, methods: Sequence[Method], model: LanguageModel, settings: LmSettings
) -> Iterator[LmOutcome]:
    original = model.tokenizer.count(window.context)
    whole = np.full(len(window.target), np.nan, dtype=np.float32)
    for method in methods:
        ratios = (1.0,) if method.name == "none" else settings.ratios
        budgets = [token_budget(original, ratio) for ratio in ratios]
        rng = generator(settings.seed, data, str(window.document), str(window.number), method.name)
        for ratio, short in zip(ratios, method.compress(window.context, None, budgets, rng), strict=True):
            nats = _continuation_nll(model, short, window.target)
            whole = nats if method.name == "none" else whole
            nll = float(nats.mean())
            recent = token_budget(original, settings.ratios[0] if method.name == "none" else ratio)
            yield LmOutcome(
                data=data,
                task=_TASK,
                document=window.document,
                window=window.number,
                method=method.name,
                ratio=ratio,
                original_tokens=original,
                kept_fraction=short.tokens / original,
                nll=nll,
                delta_nll=nll - float(whole.mean()),
                far_nats=far_nats(nats, window.distances, recent),
                far_nats_whole=far_nats(whole, window.distances, recent),
                compress_seconds=short.seconds,
            )


def _continuation_nll(model: LanguageModel, context: Compressed, target: Sequence[int]) -> FloatArray:
    if context.vectors is None:
        return model.continuation_nll(model.tokenizer.ids(context.text), target)
    if not isinstance(model, VectorReader):
        raise InvalidInputError(f"the model {model.name!r} reads no context of embeddings")
    return model.continuation_nll_of_vectors(context.vectors, target)
