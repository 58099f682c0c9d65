from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from semtoken import Compressor, MessagesResult, Reason, Status
from semtoken.compressor import DEFAULTS
from semtoken.errors import InvalidInputError
from semtoken.evaluation.bundled import BUNDLED
from semtoken.evaluation.datasets import DataSet, Example, load_examples
from semtoken.evaluation.recall import RecallSettings, question_pairs, run_recall
from semtoken.evaluation.rows import recall_rows
from semtoken.options import CompressionOptions

DOCUMENT = "The mill was built by Anna. The bridge was built by Boris. The tower was built by Clara."


def ask(number: int, question: str, answer: str, document: str = DOCUMENT) -> Example:
    return Example(f"q{number}", "t", document, question, (answer,))


MILL, BRIDGE, TOWER = ask(0, "Who built the mill?", "Anna"), ask(1, "The bridge?", "Boris"), ask(2, "Tower?", "Clara")


class LastOnly:
    """Keeps of the document what its own question asks for, and what the last asks for if told to recall."""

    def __init__(self, *, recalls: bool) -> None:
        self.recalls = recalls
        self.chats: list[Sequence[Mapping[str, Any]]] = []

    def compress_messages(
        self,
        messages: Sequence[Mapping[str, Any]],
        options: CompressionOptions = DEFAULTS,
        tools: Sequence[Mapping[str, Any]] | None = None,
    ) -> MessagesResult:
        assert options.mode == "force"
        self.chats.append(messages)
        forms = [dict(message) for message in messages]
        for form in forms:
            if form["role"] == "user" and (form is forms[0] or self.recalls):
                form["content"] = self._relevant(form["content"])
        return MessagesResult(tuple(forms), 100, 40, Status.COMPRESSED, Reason.OK, (), {})

    def _relevant(self, content: str) -> str:
        words = content.rsplit("Question: ", 1)[1].rstrip("?").lower().split()
        kept = [part for part in DOCUMENT.split(". ") if words[-1] in part]
        return f"{'. '.join(kept)} {content.rsplit('Question: ', 1)[1]}"


def test_every_question_is_second_once_behind_the_one_before_it() -> None:
    alone = ask(9, "Who?", "Dora", "Dora came.")
    pairs = question_pairs(DataSet("set", (MILL, BRIDGE, alone, TOWER)))
    assert [(pair.first.id, pair.second.id) for pair in pairs] == [("q2", "q0"), ("q0", "q1"), ("q1", "q2")]


@pytest.mark.parametrize(
    "second",
    [
        ask(1, "Who was it, Boris?", "Boris"),
        ask(1, "Who built the same?", "Anna"),
        ask(1, "What was built?", "mill"),
        ask(1, "Who built the wall?", "Dora"),
    ],
    ids=["in its own question", "in the first answer", "in the first question", "not in the document"],
)
def test_pairs_that_say_nothing_are_left_out(second: Example) -> None:
    assert second.id not in [pair.second.id for pair in question_pairs(DataSet("set", (MILL, second)))]


@pytest.mark.parametrize(("recalls", "later"), [(True, 1.0), (False, 0.0)])
def test_later_and_first_are_told_apart(recalls: bool, later: float) -> None:
    compressor = LastOnly(recalls=recalls)
    run = run_recall([DataSet("set", (MILL, BRIDGE, TOWER))], compressor, RecallSettings((2.0, 4.0)))
    half, quarter = recall_rows(run.outcomes, seed=0)
    assert (half["n"], half["ratio_asked"], quarter["ratio_asked"]) == (3, 2.0, 4.0)
    assert (half["answer_in_context"], half["asked_first"], half["difference"]) == (later, 1.0, later - 1.0)
    assert (half["kept_fraction"], half["kept_fraction_asked_first"]) == (0.4, 0.4)
    roles = [[message["role"] for message in chat] for chat in compressor.chats]
    assert roles == [["user"], ["user", "assistant", "user"]] * 6


def test_the_draw_and_the_half_go_by_the_second_question() -> None:
    data = DataSet("set", tuple(ask(i, f"Who {i}?", name) for i, name in enumerate(("Anna", "Boris", "Clara"))))
    run = run_recall([data], LastOnly(recalls=True), RecallSettings(limit=2))
    assert len(run.outcomes) == 2
    halves = {example.id: example.split for example in data.examples}
    half = run_recall([data], LastOnly(recalls=True), RecallSettings(split=halves["q0"]))
    assert {outcome.example for outcome in half.outcomes} == {name for name in halves if halves[name] == halves["q0"]}


def test_a_set_without_pairs_is_told_and_nothing_at_all_an_error() -> None:
    lonely = DataSet("lonely", (MILL,))
    run = run_recall([lonely, DataSet("set", (MILL, BRIDGE))], LastOnly(recalls=True), RecallSettings())
    assert run.without_pairs == ("lonely",)
    with pytest.raises(InvalidInputError, match="no document has two questions"):
        run_recall([lonely], LastOnly(recalls=True), RecallSettings())


@pytest.mark.model
def test_with_the_library_on_the_bundled_set(compressor: Compressor) -> None:
    settings = RecallSettings((2.4,), limit=4, seed=1)
    [row] = recall_rows(run_recall([load_examples(BUNDLED)], compressor, settings).outcomes, seed=0)
    assert row["n"] == 4
    assert row["kept_fraction_asked_first"] == pytest.approx(1 / 2.4, abs=0.05)
    assert row["kept_fraction_asked_first"] <= row["kept_fraction"] < 0.65
    assert row["asked_first"] >= 0.5
