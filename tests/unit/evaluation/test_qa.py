from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from semtoken.errors import InvalidInputError
from semtoken.evaluation.datasets import DataSet, Example
from semtoken.evaluation.methods import Compressed, Method, Resources, build_methods
from semtoken.evaluation.prompts import QaPrompt
from semtoken.evaluation.qa import QaRun, QaSettings, run_qa
from semtoken.evaluation.rows import missed_budgets, qa_rows
from semtoken.evaluation.scorers import Score
from semtoken.tokenizer import ServedTokenizer

FILLER = "Nothing of note happened on that day in the village by the river. " * 20


@dataclass
class ReadingScorer:
    """Answers "blue" where the prompt's context says so; knows how often it was asked."""

    tokenizer: ServedTokenizer
    window: int = 2_000
    name: str = "reader"
    asked: list[list[QaPrompt]] = field(default_factory=list)

    def prompt_tokens(self, prompt: QaPrompt) -> int:
        return self.tokenizer.count(prompt.text)

    def score(self, prompts: Sequence[QaPrompt], answer: str) -> list[Score]:
        self.asked.append(list(prompts))
        return [Score("blue", 0.5) if "blue" in prompt.context else Score("no idea", 3.0) for prompt in prompts]


class Spy(Method):
    """Keeps nothing but one character, and remembers the questions."""

    name = "spy"

    def __init__(self, served: ServedTokenizer) -> None:
        super().__init__(Resources(served))
        self.questions: list[str | None] = []

    def compress(
        self, text: str, question: str | None, budgets: Sequence[int], rng: np.random.Generator
    ) -> list[Compressed]:
        self.questions.append(question)
        return [Compressed(text[:1], 1, 0.25) for _ in budgets]


def example(number: int, *, at_end: bool, context: str | None = None) -> Example:
    text = context or (f"{FILLER}The door is blue." if at_end else f"The door is blue. {FILLER}")
    return Example(f"e{number}", "doors", f"{number} {text}", "What colour is the door?", ("blue",))


def run(served: ServedTokenizer, names: list[str], examples: list[Example], **settings: object) -> QaRun:
    methods = build_methods(names, Resources(served))
    return run_qa(
        [DataSet("set", tuple(examples))],
        methods,
        ReadingScorer(served),
        QaSettings(**settings),  # type: ignore[arg-type]
    )


def test_rows_hold_the_contract_and_the_difference_to_no_compression(served: ServedTokenizer) -> None:
    examples = [example(i, at_end=i < 3) for i in range(4)]
    rows = qa_rows(run(served, ["truncate"], examples, ratios=(2.0, 4.0)).outcomes, seed=0)
    assert [(row["method"], row["ratio_asked"]) for row in rows] == [
        ("none", 1.0),
        ("truncate", 2.0),
        ("truncate", 4.0),
    ]
    whole, half, _ = rows
    assert (whole["n"], whole["kept_fraction"], whole["f1"], whole["answer_in_context"]) == (4, 1.0, 1.0, 1.0)
    assert whole["minus_none"] == {"f1": 0.0, "answer_in_context": 0.0, "answer_nll": 0.0}
    assert half["kept_fraction"] == pytest.approx(0.5, abs=0.02)
    assert half["f1"] == half["em"] == half["answer_in_context"] == 0.75
    assert half["answer_nll"] == pytest.approx(0.75 * 0.5 + 0.25 * 3.0)
    assert half["minus_none"]["answer_nll"] == pytest.approx(0.625)
    low, high = half["ci95"]["answer_nll_minus_none"]
    assert low <= 0.625 <= high
    assert set(half["ci95"]) >= {"f1", "em", "answer_in_context", "answer_nll", "f1_minus_none"}
    assert missed_budgets(rows) == []


def test_an_answer_that_was_never_there_is_not_counted_as_lost(served: ServedTokenizer) -> None:
    absent = example(1, at_end=True, context=f"{FILLER}The door is red.")
    rows = qa_rows(run(served, ["truncate"], [example(0, at_end=True), absent]).outcomes, seed=0)
    assert [row["n"] for row in rows] == [2, 2]
    assert [row["n_answer_in_original"] for row in rows] == [1, 1]
    assert [row["answer_in_context"] for row in rows] == [1.0, 1.0]


def test_examples_over_the_window_are_left_out_for_every_method(served: ServedTokenizer) -> None:
    examples = [example(0, at_end=True), example(1, at_end=True, context="short and blue")]
    result = run(served, ["truncate"], examples, window=200)
    assert result.skipped == {"set": 1}
    assert {outcome.example for outcome in result.outcomes} == {"e1"}


def test_nothing_that_fits_is_an_error(served: ServedTokenizer) -> None:
    with pytest.raises(InvalidInputError, match="window of 100 tokens"):
        run(served, ["truncate"], [example(0, at_end=True)], window=100)


@pytest.mark.parametrize("use_query", [True, False])
def test_no_query_hides_the_question_from_methods_only(served: ServedTokenizer, use_query: bool) -> None:
    spy, scorer = Spy(served), ReadingScorer(served)
    methods = [*build_methods([], Resources(served)), spy]
    run_qa([DataSet("set", (example(0, at_end=True),))], methods, scorer, QaSettings(use_query=use_query))
    assert spy.questions == (["What colour is the door?"] if use_query else [None])
    assert all(prompt.question == "What colour is the door?" for batch in scorer.asked for prompt in batch)


def test_forms_of_one_ratio_are_scored_together_and_the_whole_once(served: ServedTokenizer) -> None:
    scorer = ReadingScorer(served)
    methods = build_methods(["truncate", "head-tail"], Resources(served))
    run_qa([DataSet("set", (example(0, at_end=True),))], methods, scorer, QaSettings(ratios=(2.0, 4.0)))
    assert [len(batch) for batch in scorer.asked] == [1, 2, 2]


def test_a_missed_budget_is_told(served: ServedTokenizer) -> None:
    methods = [*build_methods([], Resources(served)), Spy(served)]
    result = run_qa([DataSet("set", (example(0, at_end=True),))], methods, ReadingScorer(served), QaSettings())
    rows = qa_rows(result.outcomes, seed=0)
    [told] = missed_budgets(rows)
    assert told.startswith("set: spy kept 0.0")
    tokens = result.outcomes[-1].original_tokens
    assert rows[-1]["compress_ms_per_1k_tokens"] == pytest.approx(250 / tokens * 1000, rel=1e-3)


def test_an_outcome_does_not_depend_on_what_ran_before(served: ServedTokenizer) -> None:
    def kept(examples: list[Example], names: list[str]) -> dict[str, float | None]:
        outcomes = run(served, names, examples, ratios=(3.0,)).outcomes
        return {o.example: o.answer_in_context for o in outcomes if o.method == "random-sentence"}

    examples = [example(i, at_end=i % 2 == 0) for i in range(8)]
    alone = kept(examples[4:], ["random-sentence"])
    after = kept(examples, ["random-token", "random-sentence"])
    assert alone == {name: after[name] for name in alone}


def test_progress_counts_examples(served: ServedTokenizer) -> None:
    told: list[tuple[int, int]] = []
    run_qa(
        [DataSet("set", (example(0, at_end=True), example(1, at_end=True)))],
        build_methods([], Resources(served)),
        ReadingScorer(served),
        QaSettings(),
        lambda done, total, _what: told.append((done, total)),
    )
    assert told == [(0, 2), (1, 2), (2, 2)]
