from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from semtoken.errors import InvalidInputError
from semtoken.evaluation.datasets import DataSet, Example
from semtoken.evaluation.identity import library_version, run_identity
from semtoken.evaluation.journal import Journal
from semtoken.evaluation.methods import Compressed, Method, Resources, build_methods
from semtoken.evaluation.prompts import QaPrompt
from semtoken.evaluation.qa import QaRun, QaSettings, run_qa
from semtoken.evaluation.scorers import Score
from semtoken.tokenizer import ServedTokenizer

RUN = {"seed": 0, "methods": ["none", "semtoken"], "ratio": 2.4}


@dataclass(frozen=True, slots=True)
class Outcome:
    value: float
    missing: float | None = None
    nats: tuple[float, ...] = ()


def never() -> list[Outcome]:
    raise AssertionError("made again")


def made(*outcomes: Outcome) -> Callable[[], Sequence[Outcome]]:
    return lambda: outcomes


def test_what_was_made_is_not_made_again(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    outcomes = [Outcome(1 / 3, None, (0.1, 2e-17)), Outcome(0.0)]
    with Journal(path, RUN) as journal:
        assert journal.outcomes(("set", "a"), Outcome, made(*outcomes)) == outcomes
        assert journal.outcomes(("set", "b"), Outcome, made()) == []
    with Journal(path, dict(reversed(RUN.items()))) as journal:
        assert journal.outcomes(("set", "a"), Outcome, never) == outcomes
        assert journal.outcomes(("set", "b"), Outcome, never) == []
        assert journal.outcomes(("set", "c"), Outcome, made(Outcome(3.0))) == [Outcome(3.0)]
    assert len(path.read_bytes().splitlines()) == 4


def test_a_step_is_in_the_file_as_soon_as_it_is_made(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Journal(path, RUN) as journal:
        journal.outcomes(("a",), Outcome, made(Outcome(1.0)))
        assert json.loads(path.read_bytes().splitlines()[1])["step"] == ["a"]


@pytest.mark.parametrize("cut", range(1, 40))
def test_wherever_the_file_was_cut_off_it_goes_on(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "run.jsonl"
    with Journal(path, RUN) as journal:
        journal.outcomes(("a",), Outcome, made(Outcome(1.0)))
        journal.outcomes(("b",), Outcome, made(Outcome(2.0)))
    whole = path.read_bytes()
    path.write_bytes(whole[: -cut * len(whole) // 40])
    with Journal(path, RUN) as journal:
        journal.outcomes(("a",), Outcome, made(Outcome(1.0)))
        journal.outcomes(("b",), Outcome, made(Outcome(2.0)))
    assert path.read_bytes() == whole


def test_another_runs_file_is_refused_with_what_differs_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    Journal(path, RUN).__exit__(None, None, None)
    before = path.read_bytes()
    with pytest.raises(InvalidInputError, match=r"seed 0, now 1; extra null, now \"x\"$"):
        Journal(path, RUN | {"seed": 1, "extra": "x"})
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"{oops\n", b"[1]\n", b'{"id": "a"}\n', b'{"run": 1}\n', b"text\n" * 3])
def test_a_file_of_another_kind_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match="another"):
        Journal(path, RUN)
    assert path.read_bytes() == content


def test_a_path_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="cannot be opened"):
        Journal(tmp_path / "no" / "folder.jsonl", RUN)


class Scorer:
    """Breaks down at the example that it was told to."""

    name = "scorer"
    window = 10_000

    def __init__(self, tokenizer: ServedTokenizer, *, breaks_at: str = "") -> None:
        self.tokenizer = tokenizer
        self.breaks_at = breaks_at
        self.asked: list[str] = []

    def prompt_tokens(self, prompt: QaPrompt) -> int:
        return len(prompt.text)

    def score(self, prompts: Sequence[QaPrompt], answer: str) -> list[Score]:
        if answer == self.breaks_at:
            raise KeyboardInterrupt
        self.asked.append(answer)
        return [Score(answer, float(len(prompt.context)) / 7) for prompt in prompts]


def examples() -> DataSet:
    made = [Example(f"e{i}", "t", f"The door number {i} is blue. " * 9, "Which?", (f"n{i}",)) for i in range(5)]
    huge = Example("huge", "t", "word " * 3000, "Which?", ("n",))
    return DataSet("set", (*made, huge))


def evaluate(path: Path, served: ServedTokenizer, scorer: Scorer, names: Sequence[str] = ("truncate",)) -> QaRun:
    data, methods, settings = [examples()], build_methods(names, Resources(served)), QaSettings()
    with Journal(path, run_identity(data, methods, settings, served)) as journal:
        return run_qa(data, methods, scorer, settings, record=journal)


def timeless(run: QaRun) -> list[Any]:
    return [(o.example, o.method, o.answer_nll, o.kept_fraction, o.f1) for o in run.outcomes]


def test_a_run_that_was_cut_off_goes_on_and_ends_the_same(served: ServedTokenizer, tmp_path: Path) -> None:
    whole = evaluate(tmp_path / "whole.jsonl", served, Scorer(served))
    assert whole.skipped == {"set": 1}
    path = tmp_path / "cut.jsonl"
    with pytest.raises(KeyboardInterrupt):
        evaluate(path, served, Scorer(served, breaks_at="n3"))
    rest = Scorer(served)
    again = evaluate(path, served, rest)
    assert sorted(set(rest.asked)) == ["n3", "n4"]
    assert timeless(again) == timeless(whole)
    assert again.skipped == whole.skipped
    done = Scorer(served)
    assert evaluate(path, served, done) == again
    assert done.asked == []


def test_another_method_or_text_is_another_run(served: ServedTokenizer, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    evaluate(path, served, Scorer(served))
    with pytest.raises(InvalidInputError, match=r'methods .*, now .*"head-tail"'):
        evaluate(path, served, Scorer(served), ["head-tail"])


class Named(Method):
    name = "named"

    def compress(
        self, text: str, question: str | None, budgets: Sequence[int], rng: np.random.Generator
    ) -> list[Compressed]:
        raise NotImplementedError


def test_the_identity_moves_with_everything_an_outcome_depends_on(served: ServedTokenizer) -> None:
    data, methods = [examples()], [Named(Resources(served))]
    before = run_identity(data, methods, QaSettings(), served, device="cpu")
    other = DataSet("set", (*data[0].examples[1:],))
    assert run_identity([other], methods, QaSettings(), served)["data"] != before["data"]
    assert run_identity(data, methods, QaSettings(seed=1), served)["settings"] != before["settings"]
    assert before["methods"] == ["named"]
    assert before["device"] == "cpu"
    assert before["version"] == library_version()
    json.dumps(before)
