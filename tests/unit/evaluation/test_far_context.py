from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semtoken.datamodels import FloatArray
from semtoken.evaluation.bundled import bundled_demo
from semtoken.evaluation.datasets import Corpus
from semtoken.evaluation.far_context import Mentions, RareWords, far_nats
from semtoken.evaluation.lm import LmSettings, cut_windows, run_lm
from semtoken.evaluation.methods import Resources, build_methods
from semtoken.evaluation.rows import lm_rows
from semtoken.tokenizer import ServedTokenizer

COMMON = "the cat sat on the mat and the dog sat on the mat and the cat saw the dog " * 20


class Everything(RareWords):
    """Calls every word rare."""

    def __init__(self) -> None:
        super().__init__([""])


@pytest.mark.parametrize(
    ("word", "rare"),
    [
        ("the", False),
        ("The", False),
        ("cat", False),
        ("zeppelin", True),
        ("Berta", True),
        ("Cat", False),
        ("max_len", True),
        ("maxLen", True),
        ("1992", True),
    ],
)
def test_what_is_rare(word: str, rare: bool) -> None:
    words = RareWords([COMMON + "The Cat met Berta by max_len maxLen 1992 zeppelin. " + "Berta " * 200])
    assert (word in words) is rare


def test_the_common_words_are_the_fewest_that_make_up_the_share() -> None:
    words = RareWords(["a " * 50 + "b " * 30 + "c " * 15 + "d " * 5])
    assert [name in words for name in "abcd"] == [False, False, True, True]


def place(served: ServedTokenizer, context: str, target: str) -> tuple[tuple[int, ...], list[str], int]:
    tokens = served.tokenize(context + target)
    middle = len(served.tokenize(context))
    assert int(tokens.starts[middle]) == len(context)
    text = context + target
    distances = Mentions.of(text, tokens).distances(0, middle, len(tokens), RareWords([COMMON + text]))
    texts = [text[start:end] for start, end in zip(tokens.starts, tokens.ends, strict=True)]
    return distances, texts[middle:], middle


def test_a_rare_words_tokens_have_the_distance_of_its_last_mention(served: ServedTokenizer) -> None:
    context = " Zorbatak came." + " the cat sat on the mat" * 5 + " Zorbatak left." + " the dog sat on the mat" * 5
    distances, texts, middle = place(served, context, " then Zorbatak sat")
    tokens = served.tokenize(context)
    last = next(i for i in range(middle) if int(tokens.ends[i]) > context.rindex("Zorbatak"))
    # " then" and " sat" are around it.
    ends = np.cumsum([len(text) for text in texts])
    named = [distance for distance, end in zip(distances, ends, strict=True) if 6 < end <= 14]
    assert named == [middle - last] * len(named)
    assert len(named) > 1
    assert sum(distances) == sum(named)


def test_a_word_mentioned_in_the_target_before_and_one_never_mentioned_have_none(served: ServedTokenizer) -> None:
    distances, texts, _ = place(served, " Zorbatak sat on the mat.", " Zorbatak and Quixolot saw Zorbatak")
    far = [text for text, distance in zip(texts, distances, strict=True) if distance]
    assert "".join(far).strip() == "Zorbatak"


@cache
def document(served: ServedTokenizer) -> tuple[Mentions, int]:
    text = bundled_demo().document[:3000]
    tokens = served.tokenize(text)
    return Mentions.of(text, tokens), len(tokens)


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_a_distance_leads_to_the_same_word(served: ServedTokenizer, data: st.DataObject) -> None:
    mentions, length = document(served)
    start = data.draw(st.integers(0, length // 2))
    middle = data.draw(st.integers(start + 1, length - 2))
    end = data.draw(st.integers(middle + 1, length))
    distances = mentions.distances(start, middle, end, Everything())
    first = {word.first: word.name for word in mentions.words}
    for i, distance in enumerate(distances):
        assert 0 <= distance <= middle - start
        if distance and middle + i in first:
            name = first[middle + i]
            assert first[middle - distance] == name
            between = [w.name for w in mentions.words if middle - distance < w.first < middle + i]
            assert name not in between


def test_far_is_beyond_the_budget() -> None:
    nats = np.array([1, 2, 3, 4], dtype=np.float32)
    assert far_nats(nats, [0, 10, 11, 50], 10) == (3.0, 4.0)


class Remembers:
    """Gives a target token one nat if the context holds it, else five."""

    name = "remembers"
    window = 2_000

    def __init__(self, tokenizer: ServedTokenizer) -> None:
        self.tokenizer = tokenizer

    def continuation_nll(self, context: Sequence[int], target: Sequence[int]) -> FloatArray:
        return np.array([1.0 if token in set(context) else 5.0 for token in target], dtype=np.float32)

    def surprisal(self, ids: Sequence[int]) -> FloatArray:
        return np.zeros(len(ids), dtype=np.float32)


def test_the_rows_set_keeping_the_head_apart_from_keeping_the_tail(served: ServedTokenizer) -> None:
    text = bundled_demo().document
    asked = LmSettings(context=600, target=100, ratios=(2.0, 4.0))
    methods = build_methods(["head-tail", "truncate"], Resources(served))
    run = run_lm([Corpus("c", (text, text[5000:]))], methods, Remembers(served), asked)
    rows = {(row["method"], row["ratio_asked"]): row for row in lm_rows(run.outcomes, seed=0)}
    whole, head, tail = rows["none", 1.0], rows["head-tail", 2.0], rows["truncate", 2.0]
    assert whole["far_n"] == head["far_n"] == tail["far_n"] > 20
    assert rows["truncate", 4.0]["far_n"] > tail["far_n"]
    assert whole["far_nll"] == pytest.approx(1.0, abs=0.5)
    assert tail["far_nll"] > head["far_nll"] > whole["far_nll"]
    assert tail["far_minus_truncate"] == 0.0
    assert head["far_minus_truncate"] == pytest.approx(head["far_nll"] - tail["far_nll"], abs=1e-5)
    assert head["far_delta_nll"] == pytest.approx(head["far_nll"] - whole["far_nll"], abs=1e-5)
    assert whole["far_minus_truncate"] is None
    low, high = head["ci95"]["far_minus_truncate"]
    assert low <= head["far_minus_truncate"] <= high


def test_without_truncation_in_the_run_there_is_no_difference_to_it(served: ServedTokenizer) -> None:
    methods = build_methods(["head-tail"], Resources(served))
    corpus = Corpus("c", (bundled_demo().document[:6000],))
    rows = lm_rows(run_lm([corpus], methods, Remembers(served), LmSettings(300, 50)).outcomes, seed=0)
    assert [row["far_minus_truncate"] for row in rows] == [None, None]
    assert all(row["far_nll"] is not None for row in rows)


def test_windows_carry_a_distance_for_every_target_token(served: ServedTokenizer) -> None:
    windows = list(cut_windows(Corpus("c", (bundled_demo().document,)), served, LmSettings(200, 20)))
    assert all(len(window.distances) == 20 for window in windows)
    assert any(any(window.distances) for window in windows)
