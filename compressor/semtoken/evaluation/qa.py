"""Question answering: the same questions over contexts that every method shortens to the same budget."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from semtoken.errors import InvalidInputError
from semtoken.evaluation import metrics
from semtoken.evaluation.datasets import DataSet, Example
from semtoken.evaluation.extra import require_extra
from semtoken.evaluation.journal import UNRECORDED, Record
from semtoken.evaluation.methods import Compressed, Method
from semtoken.evaluation.metrics import answer_in_context
from semtoken.evaluation.prompts import QaPrompt
from semtoken.evaluation.protocol import Progress, generator, silent, token_budget
from semtoken.evaluation.scorers.base import MAX_NEW_TOKENS, Score, Scorer


@dataclass(frozen=True, slots=True)
class QaSettings:
    """What one run of the QA evaluation does."""

    ratios: tuple[float, ...] = (2.4,)
    seed: int = 0
    use_query: bool = True
    window: int | None = None
    """Examples with longer prompts are skipped; by default the model's own window."""


@dataclass(frozen=True, slots=True)
class QaOutcome:
    """One method at one ratio on one example."""

    data: str
    task: str
    example: str
    cluster: str
    """Digest of the context: questions about one document are not independent."""
    method: str
    ratio: float
    original_tokens: int
    kept_fraction: float
    f1: float | None
    em: float | None
    answer_in_context: float | None
    """None where the answer does not stand in the original either."""
    answer_nll: float | None
    compress_seconds: float


@dataclass(frozen=True, slots=True)
class QaRun:
    """Everything that was measured, and how many examples of each data set did not fit."""

    outcomes: tuple[QaOutcome, ...] = field(repr=False)
    skipped: dict[str, int]


def run_qa(
    datasets: Sequence[DataSet],
    methods: Sequence[Method],
    scorer: Scorer,
    settings: QaSettings,
    progress: Progress = silent,
    record: Record = UNRECORDED,
) -> QaRun:
    """Measure every method at every ratio on every example that fits whole into the model's window.

    ``methods`` begin with ``none``. What ``record`` has of an earlier run is not measured again. Raises
    ``InvalidInputError`` when nothing fits.
    """
    require_extra()
    outcomes: list[QaOutcome] = []
    skipped: dict[str, int] = {}
    total, done = sum(len(data.examples) for data in datasets), 0
    for data in datasets:
        for example in data.examples:
            progress(done, total, f"{data.name} {example.id}")
            measure = partial(_measure, data.name, example, methods, scorer, settings)
            measured = record.outcomes((data.name, example.id), QaOutcome, measure)
            outcomes.extend(measured)
            if not measured:
                skipped[data.name] = skipped.get(data.name, 0) + 1
            done += 1
    progress(done, total, "done")
    if not outcomes:
        raise InvalidInputError(f"no example fits into a window of {_window(scorer, settings)} tokens", param="window")
    return QaRun(tuple(outcomes), skipped)


def _fits(example: Example, scorer: Scorer, settings: QaSettings) -> bool:
    # One token more than the answer alone: a prompt without template puts a blank before it.
    room = max(MAX_NEW_TOKENS, scorer.tokenizer.count(example.answers[0]) + 1)
    return scorer.prompt_tokens(QaPrompt(example.context, example.question)) + room <= _window(scorer, settings)


def _window(scorer: Scorer, settings: QaSettings) -> int:
    return min(scorer.window, settings.window or scorer.window)


def _measure(
    data: str, example: Example, methods: Sequence[Method], scorer: Scorer, settings: QaSettings
) -> Iterator[QaOutcome]:
    """The example's outcomes; none where it does not fit."""
    if not _fits(example, scorer, settings):
        return
    original = scorer.tokenizer.count(example.context)
    answerable = answer_in_context(example.context, example.answers)
    cluster = hashlib.sha256(example.context.encode()).hexdigest()
    for ratio, forms in _compress(example, original, methods, settings).items():
        prompts = [QaPrompt(form.text, example.question, form.vectors) for form in forms.values()]
        scores = scorer.score(prompts, example.answers[0])
        for (method, form), score in zip(forms.items(), scores, strict=True):
            yield QaOutcome(
                data=data,
                task=example.task,
                example=example.id,
                cluster=cluster,
                method=method,
                ratio=ratio,
                original_tokens=original,
                kept_fraction=form.tokens / original,
                f1=_rate(metrics.f1, score, example),
                em=_rate(metrics.exact_match, score, example),
                answer_in_context=float(answer_in_context(form.text, example.answers)) if answerable else None,
                answer_nll=score.answer_nll,
                compress_seconds=form.seconds,
            )


def _compress(
    example: Example, tokens: int, methods: Sequence[Method], settings: QaSettings
) -> dict[float, dict[str, Compressed]]:
    """Every method's form of the context at each ratio; the forms of one ratio are of one length."""
    question = example.question if settings.use_query else None
    forms: dict[float, dict[str, Compressed]] = {}
    for method in methods:
        ratios = (1.0,) if method.name == "none" else settings.ratios
        budgets = [token_budget(tokens, ratio) for ratio in ratios]
        rng = generator(settings.seed, example.id, method.name)
        for ratio, form in zip(ratios, method.compress(example.context, question, budgets, rng), strict=True):
            forms.setdefault(ratio, {})[method.name] = form
    return forms


def _rate(metric: Callable[[str, Sequence[str]], float], score: Score, example: Example) -> float | None:
    return None if score.prediction is None else metric(score.prediction, example.answers)
