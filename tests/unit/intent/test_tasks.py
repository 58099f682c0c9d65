"""Requests that need the whole text are told from questions about it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from semtoken.intent import whole_text_task

REQUESTS = tomllib.loads((Path(__file__).parent / "requests.toml").read_text(encoding="utf-8"))
MAIN = ("en", "de", "fr", "es", "zh")


def test_the_lists_are_large_enough_to_measure_with() -> None:
    assert sum(len(REQUESTS["whole"][language]) for language in MAIN) >= 60
    assert sum(map(len, REQUESTS["partial"].values())) >= 150


def test_hits_at_least_98_percent_of_whole_text_requests() -> None:
    requests = [request for group in REQUESTS["whole"].values() for request in group]
    missed = [request for request in requests if not whole_text_task(request)]
    assert len(missed) <= 0.02 * len(requests), missed


def test_alarms_falsely_at_few_requests_that_look_alike() -> None:
    # Chosen to be hard; what real questions give is in test_on_evaluation_data.py.
    requests = [request for group in REQUESTS["partial"].values() for request in group]
    alarms = [request for request in requests if whole_text_task(request)]
    assert len(alarms) <= 0.04 * len(requests), alarms


@pytest.mark.parametrize(
    ("request_", "whole"),
    [
        ("How many people were counted in the 1990 census?", False),
        ("Who translated the Bible into German?", False),
        ("What is the correct format of the date?", False),
        ("How many episodes are in season 2?", False),
        ("Count the words in the text.", True),
        ("How many times does the word X occur in the text?", True),
        ("Summarize the text.", False),
        ("", False),
        ("   \n", False),
    ],
)
def test_the_border_cases(request_: str, whole: bool) -> None:
    assert whole_text_task(request_) is whole


def test_a_later_clause_counts_only_in_a_request() -> None:
    assert whole_text_task("Please read the text, then translate it into German.")
    assert not whole_text_task("Which monks could read and translate it?")


def test_choices_of_a_question_are_not_requests() -> None:
    assert not whole_text_task("What does the editor do?\nA. Translate the text\nB. Count the words in this text")
    assert whole_text_task("1. Read the text.\n2. Translate the text into German.")


def test_a_long_request_is_read_at_both_ends() -> None:
    filler = "The ships went north. " * 200_000
    assert whole_text_task(f"Translate this into German.\n{filler}")
    assert whole_text_task(f"{filler}\nTranslate the text into German.")
    assert not whole_text_task(filler)
