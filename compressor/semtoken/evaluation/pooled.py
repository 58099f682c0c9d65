"""One row for each method and ratio over all tasks that are large enough to say something."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from semtoken.evaluation.qa import QaOutcome
from semtoken.evaluation.rows import NONE, QA_COMPARED, QA_SCORES, Row, grouped, minus_whole
from semtoken.evaluation.statistics import estimate_over_tasks

MIN_EXAMPLES = 20
"""Tasks with fewer examples are left out of the pool."""

_Task = tuple[str, str]
_Values = tuple[list[float], list[str]]


def pooled_rows(outcomes: Sequence[QaOutcome], seed: int, min_examples: int = MIN_EXAMPLES) -> list[Row]:
    """Means over tasks (each task counts the same), one row for each ratio (rising) and method.

    Scores are under their own names, their paired differences to no compression under
    ``NAME_minus_none``, the 95% intervals of both in ``ci95``. A task counts for a score where it was
    measured for at least one example. Empty where no task has ``min_examples``.
    """
    groups = grouped(outcomes)
    whole = {key[:2]: members for key, members in groups.items() if key[3] == NONE}
    pool = [task for task, members in whole.items() if len(members) >= min_examples]
    methods = list(dict.fromkeys(key[3] for key in groups))
    rows = []
    for ratio, method in product(sorted({key[2] for key in groups}), methods):
        found = {task: groups[*task, ratio, method] for task in pool if (*task, ratio, method) in groups}
        if found:
            rows.append(_row(found, whole, seed))
    return rows


def _row(tasks: dict[_Task, list[QaOutcome]], whole: dict[_Task, list[QaOutcome]], seed: int) -> Row:
    members = list(tasks.values())
    first = members[0][0]
    kept = [sum(outcome.kept_fraction for outcome in task) / len(task) for task in members]
    row: Row = {
        "method": first.method,
        "ratio_asked": first.ratio,
        "tasks": [f"{data}: {task}" for data, task in tasks],
        "n": sum(map(len, members)),
        "kept_fraction": round(sum(kept) / len(kept), 4),
    }
    measured = {
        name: [_known([getattr(outcome, name) for outcome in task], task) for task in members] for name in QA_SCORES
    }
    for name in QA_COMPARED:
        measured[f"{name}_minus_none"] = [
            _known(minus_whole(outcomes, whole[task], name), outcomes) for task, outcomes in tasks.items()
        ]
    ci95: dict[str, list[float] | None] = {}
    for name, values in measured.items():
        row[name], ci95[name] = _mean([task for task in values if task[0]], seed)
    return row | {"ci95": ci95}


def _known(values: Sequence[float | None], outcomes: Sequence[QaOutcome]) -> _Values:
    """What was measured, with the cluster of each value."""
    pairs = [(value, outcome.cluster) for value, outcome in zip(values, outcomes, strict=True) if value is not None]
    return [value for value, _ in pairs], [cluster for _, cluster in pairs]


def _mean(tasks: Sequence[_Values], seed: int) -> tuple[float | None, list[float] | None]:
    if not tasks:
        return None, None
    result = estimate_over_tasks(tasks, seed)
    return result.mean, result.interval
