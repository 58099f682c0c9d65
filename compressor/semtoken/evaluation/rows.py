"""Rows of the reports: means with their intervals, and the paired difference to no compression."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from semtoken.evaluation.lm import LmOutcome
from semtoken.evaluation.qa import QaOutcome
from semtoken.evaluation.recall import RecallOutcome
from semtoken.evaluation.statistics import estimate

Row = dict[str, Any]

QA_SCORES = ("f1", "em", "answer_in_context", "answer_nll")
QA_COMPARED = ("f1", "answer_in_context", "answer_nll")
_KEPT_TOLERANCE = 0.02
NONE = "none"

_TRUNCATE = "truncate"

_Window = tuple[str, int, int, float]
_Outcome = TypeVar("_Outcome", QaOutcome, LmOutcome, RecallOutcome)


def qa_rows(outcomes: Sequence[QaOutcome], seed: int) -> list[Row]:
    """One row for each data set and task, ratio (rising) and method."""
    groups = grouped(outcomes)
    whole = {key[:2]: members for key, members in groups.items() if key[3] == NONE}
    return [_qa_row(members, whole[key[:2]], seed) for key, members in groups.items()]


def lm_rows(outcomes: Sequence[LmOutcome], seed: int) -> list[Row]:
    """One row for each text file, ratio (rising) and method."""
    cut = {(o.data, o.document, o.window, o.ratio): o for o in outcomes if o.method == _TRUNCATE}
    return [_lm_row(members, cut, seed) for members in grouped(outcomes).values()]


def recall_rows(outcomes: Sequence[RecallOutcome], seed: int) -> list[Row]:
    """One row for each data set and task, and ratio (rising)."""
    return [_recall_row(members, seed) for members in grouped(outcomes).values()]


def missed_budgets(rows: Iterable[Row]) -> list[str]:
    """A line for every row whose mean kept fraction is more than 0.02 away from 1/ratio."""
    return [
        f"{row['data']}: {row['method']} kept {row['kept_fraction']:.3f}, 1/ratio is {1 / row['ratio_asked']:.3f}"
        for row in rows
        if abs(row["kept_fraction"] - 1 / row["ratio_asked"]) > _KEPT_TOLERANCE
    ]


def grouped(outcomes: Sequence[_Outcome]) -> dict[tuple[str, str, float, str], list[_Outcome]]:
    """Outcomes by data, task, ratio and method; data, tasks and methods in the order of the run."""
    groups: dict[tuple[str, str, float, str], list[_Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.data, outcome.task, outcome.ratio, outcome.method), []).append(outcome)
    tasks = list(dict.fromkeys(key[:2] for key in groups))
    return {key: groups[key] for key in sorted(groups, key=lambda key: (tasks.index(key[:2]), key[2]))}


def _qa_row(outcomes: Sequence[QaOutcome], whole: Sequence[QaOutcome], seed: int) -> Row:
    clusters = [outcome.cluster for outcome in outcomes]
    row = _common(outcomes)
    row["n_answer_in_original"] = sum(outcome.answer_in_context is not None for outcome in outcomes)
    ci95: dict[str, list[float] | None] = {}
    for name in QA_SCORES:
        row[name], ci95[name] = _mean([getattr(outcome, name) for outcome in outcomes], clusters, seed)
    row["minus_none"] = {}
    for name in QA_COMPARED:
        differences = minus_whole(outcomes, whole, name)
        row["minus_none"][name], ci95[f"{name}_minus_none"] = _mean(differences, clusters, seed)
    return row | {"ci95": ci95}


def minus_whole(outcomes: Sequence[QaOutcome], whole: Sequence[QaOutcome], name: str) -> list[float | None]:
    """A score of each example minus the same example's without compression; None where one was not measured."""
    pairs = [(getattr(a, name), getattr(b, name)) for a, b in zip(outcomes, whole, strict=True)]
    return [None if a is None or b is None else a - b for a, b in pairs]


def _lm_row(outcomes: Sequence[LmOutcome], cut: Mapping[_Window, LmOutcome], seed: int) -> Row:
    documents = [outcome.document for outcome in outcomes]
    nll, nll_interval = _mean([outcome.nll for outcome in outcomes], documents, seed)
    delta, delta_interval = _mean([outcome.delta_nll for outcome in outcomes], documents, seed)
    scores = {"ppl": _exp(nll), "nll": nll, "delta_nll": delta, "ppl_over_none": _exp(delta)}
    ci95 = {
        "ppl": [_exp(bound) for bound in nll_interval or ()] or None,
        "nll": nll_interval,
        "delta_nll": delta_interval,
    }
    far, far_ci95 = _far(outcomes, cut, seed)
    return _common(outcomes) | scores | far | {"ci95": ci95 | far_ci95}


def _far(
    outcomes: Sequence[LmOutcome], cut: Mapping[_Window, LmOutcome], seed: int
) -> tuple[Row, dict[str, list[float] | None]]:
    """Scores of the far tokens; what they cost more than after tail truncation, where that was run too."""
    documents = [outcome.document for outcome in outcomes for _ in outcome.far_nats]
    nats = [value for outcome in outcomes for value in outcome.far_nats]
    whole = [value for outcome in outcomes for value in outcome.far_nats_whole]
    tails = [cut.get((outcome.data, outcome.document, outcome.window, outcome.ratio)) for outcome in outcomes]
    tail = [value for outcome in tails if outcome for value in outcome.far_nats]
    row: Row = {"far_n": len(nats)}
    ci95: dict[str, list[float] | None] = {}
    row["far_nll"], ci95["far_nll"] = _mean(nats, documents, seed)
    for name, other in (("far_delta_nll", whole), ("far_minus_truncate", tail)):
        differences = [a - b for a, b in zip(nats, other, strict=True)] if other else []
        row[name], ci95[name] = _mean(differences, documents if differences else [], seed)
    return row, ci95


def _recall_row(outcomes: Sequence[RecallOutcome], seed: int) -> Row:
    documents = [outcome.cluster for outcome in outcomes]
    row = _common(outcomes)
    first = [outcome.kept_fraction_asked_first for outcome in outcomes]
    row["kept_fraction_asked_first"] = round(sum(first) / len(first), 4)
    ci95: dict[str, list[float] | None] = {}
    for name in ("answer_in_context", "asked_first", "difference"):
        row[name], ci95[name] = _mean([getattr(outcome, name) for outcome in outcomes], documents, seed)
    return row | {"ci95": ci95}


def _common(outcomes: Sequence[QaOutcome] | Sequence[LmOutcome] | Sequence[RecallOutcome]) -> Row:
    """What the kinds of rows have in common."""
    first = outcomes[0]
    kept = [outcome.kept_fraction for outcome in outcomes]
    seconds = sum(outcome.compress_seconds for outcome in outcomes)
    tokens = sum(outcome.original_tokens for outcome in outcomes)
    return {
        "data": first.data,
        "task": first.task,
        "method": first.method,
        "ratio_asked": first.ratio,
        "n": len(outcomes),
        "kept_fraction": round(sum(kept) / len(kept), 4),
        "kept_fraction_range": [round(min(kept), 4), round(max(kept), 4)],
        "compress_ms_per_1k_tokens": round(1e6 * seconds / tokens, 2),
    }


def _mean(
    values: Sequence[float | None], clusters: Sequence[str] | Sequence[int], seed: int
) -> tuple[float | None, list[float] | None]:
    """Mean and interval of what was measured; (None, None) where nothing was."""
    known = [(value, cluster) for value, cluster in zip(values, clusters, strict=True) if value is not None]
    if not known:
        return None, None
    result = estimate([value for value, _ in known], [cluster for _, cluster in known], seed)
    return result.mean, result.interval


def _exp(nats: float | None) -> float | None:
    return None if nats is None else round(math.exp(nats), 4)
