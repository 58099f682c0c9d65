from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from semtoken.evaluation.metrics import answer_in_context, exact_match, f1
from semtoken.evaluation.words import words


@pytest.mark.parametrize(
    ("prediction", "answers", "expected"),
    [
        ("The cat!", ["cat"], 1.0),
        ("a black cat", ["the cat"], 2 / 3),
        ("dog", ["cat", "dog house"], 2 / 3),
        ("cat cat", ["cat"], 2 / 3),
        ("", ["cat"], 0.0),
        ("北京市", ["北京"], 0.8),
        ("the", ["the"], 1.0),
    ],
)
def test_f1(prediction: str, answers: list[str], expected: float) -> None:
    assert f1(prediction, answers) == pytest.approx(expected)


def test_exact_match_follows_squad() -> None:
    assert exact_match("The  Mad-Hatter.", ["mad hatter", "MadHatter"]) == 1.0
    assert exact_match("mad hatters", ["mad hatter"]) == 0.0


@pytest.mark.parametrize(
    ("context", "answer", "there"),
    [
        ("It happened in 1992--in Paris.", "Paris", True),
        ("It happened in 1992.", "199", False),
        ("It cost $95 a year", "$95", True),
        ("a Three-Legged stool", "three-legged stool", True),
        ("three stools, legged", "three-legged stool", False),
        ("我住在北京市", "北京", True),
        ("我住在北方京城", "北京", False),
        ("no punctuation", "?!", False),
    ],
)
def test_answer_in_context(context: str, answer: str, there: bool) -> None:
    assert answer_in_context(context, [answer]) is there


@given(st.text(max_size=40), st.text(min_size=1, max_size=40))
def test_f1_is_a_fraction_symmetric_and_full_where_exact(prediction: str, answer: str) -> None:
    score = f1(prediction, [answer])
    assert 0.0 <= score <= 1.0
    assert score == f1(answer, [prediction])
    assert exact_match(prediction, [answer]) <= score


@given(st.text(max_size=60), st.text(min_size=1, max_size=10), st.text(max_size=60))
def test_an_answer_between_blanks_is_found(before: str, answer: str, after: str) -> None:
    found = answer_in_context(f"{before} {answer} {after}", [answer])
    assert found or not answer_in_context(answer, [answer]) or answer.strip().casefold() in ("a", "an", "the")


def test_words_part_unspaced_scripts_into_characters() -> None:
    assert words("Der Hund und 北京 2024") == ["der", "hund", "und", "北", "京", "2024"]
