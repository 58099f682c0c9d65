from __future__ import annotations

import pytest
from semtoken.evaluation.pooled import pooled_rows
from semtoken.evaluation.qa import QaOutcome
from semtoken.evaluation.rows import qa_rows


def outcome(task: str, number: int, method: str, nll: float, *, kept: float | None = 1.0, doc: int = -1) -> QaOutcome:
    return QaOutcome(
        data="set",
        task=task,
        example=f"{task}-{number}",
        cluster=str(number if doc < 0 else doc),
        method=method,
        ratio=1.0 if method == "none" else 2.4,
        original_tokens=100,
        kept_fraction=1.0 if method == "none" else 0.4,
        f1=0.5 if method == "none" else 0.6,
        em=0.0,
        answer_in_context=kept,
        answer_nll=nll,
        compress_seconds=0.0,
    )


def task(name: str, size: int, loss: float) -> list[QaOutcome]:
    whole = [outcome(name, i, "none", 2.0 + i % 3) for i in range(size)]
    return whole + [outcome(name, i, "semtoken", 2.0 + i % 3 + loss + 0.01 * (i % 2)) for i in range(size)]


def test_large_tasks_count_the_same_and_small_ones_not_at_all() -> None:
    outcomes = [*task("large", 60, -0.3), *task("just", 20, -0.1), *task("small", 19, 9.0)]
    whole, short = pooled_rows(outcomes, seed=0)
    assert (whole["method"], whole["ratio_asked"], short["method"], short["ratio_asked"]) == (
        "none",
        1.0,
        "semtoken",
        2.4,
    )
    assert short["tasks"] == ["set: large", "set: just"]
    assert short["n"] == 80
    assert short["kept_fraction"] == 0.4
    assert short["answer_nll_minus_none"] == pytest.approx(-0.2 + 0.005, abs=1e-6)
    assert short["f1_minus_none"] == pytest.approx(0.1)
    assert whole["answer_nll_minus_none"] == 0.0
    # Paired: examples differ by whole nats, their differences by hundredths.
    low, high = short["ci95"]["answer_nll_minus_none"]
    assert -0.2 < low < -0.195 < high < -0.19


def test_how_large_is_a_setting() -> None:
    outcomes = task("small", 3, 0.5)
    assert pooled_rows(outcomes, seed=0) == []
    assert [row["n"] for row in pooled_rows(outcomes, seed=0, min_examples=3)] == [3, 3]


def test_what_was_never_there_does_not_count() -> None:
    kept = [1.0, 0.0, None, None]
    outcomes = [outcome("t", i, "none", 2.0, kept=None if value is None else 1.0) for i, value in enumerate(kept)]
    outcomes += [outcome("t", i, "semtoken", 2.0, kept=value) for i, value in enumerate(kept)]
    lost = task("lost", 4, 0.0)
    never = [outcome("never", i, method, 2.0, kept=None) for method in ("none", "semtoken") for i in range(4)]
    _, short = pooled_rows([*outcomes, *lost, *never], seed=0, min_examples=4)
    assert short["answer_in_context"] == pytest.approx((0.5 + 1.0) / 2)
    assert short["answer_in_context_minus_none"] == pytest.approx(-0.25)


def test_questions_about_one_document_are_drawn_together() -> None:
    def interval(documents: int) -> float:
        outcomes = []
        for method in ("none", "semtoken"):
            for i in range(20):
                doc = i % documents
                loss = 0.0 if method == "none" else 0.1 * doc
                outcomes.append(outcome("t", i, method, 2.0 + loss, doc=doc))
        low, high = pooled_rows(outcomes, seed=0)[-1]["ci95"]["answer_nll_minus_none"]
        return float(high - low) / documents

    assert interval(5) > 1.5 * interval(20)


def test_one_task_pooled_is_that_tasks_row() -> None:
    outcomes = task("only", 24, -0.3)
    row, pooled = qa_rows(outcomes, seed=0)[-1], pooled_rows(outcomes, seed=0)[-1]
    assert pooled["answer_nll"] == row["answer_nll"]
    assert pooled["answer_nll_minus_none"] == row["minus_none"]["answer_nll"]
