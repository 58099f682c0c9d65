"""What a question asks for, and which units hold such a thing."""

from __future__ import annotations

import numpy as np
import pytest
from semtoken.relevance.answers import KINDS, answer_kinds, asked_for
from semtoken.segment import segment

TEXT = segment(
    "The old bridge was torn down. Then Anna Petrova built it anew in 1887. It cost two crowns and 40 pence."
)


def kind(name: str, question: str) -> list[float]:
    return [float(value) for value in answer_kinds(TEXT, question)[KINDS.index(name)]]


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("Who built the bridge?", ["name"]),
        ("In what year was it built, and by whom?", ["name"]),
        ("When was it built?", ["date"]),
        ("How many crowns did it cost?", ["number"]),
        ("Wie viele Kronen kostete sie?", ["number"]),
        ("En qué año se construyó?", ["date"]),
        ("谁建造了这座桥？", ["name"]),
        ("Сколько это стоило?", ["number"]),
        ("Why was it torn down?", []),
        ("Whoever wins, whenever that is?", []),
    ],
)
def test_words_say_what_is_asked_for(question: str, kinds: list[str]) -> None:
    assert [found for found in asked_for(question) if found in kinds] == kinds
    assert kinds or not asked_for(question)


def test_names_of_the_question_and_first_words_do_not_answer_it() -> None:
    assert kind("name", "Who built it?") == [0, 2, 0]
    assert kind("name", "Who is Petrova?") == [0, 1, 0]


def test_a_year_is_more_of_a_date_than_another_number() -> None:
    assert kind("date", "When was it built?") == [0, 1, 0.5]


def test_digits_are_more_of_a_number_than_words() -> None:
    units = segment("It was cheap. It cost two crowns. It cost 40 pence.")
    column = answer_kinds(units, "How much did it cost?")[KINDS.index("number")]
    np.testing.assert_allclose(column, [0, 0.5, 1])


def test_nothing_is_counted_where_nothing_is_asked_for() -> None:
    assert not any(column.any() for column in answer_kinds(TEXT, "Describe the bridge."))
