from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from semtoken.datamodels import FloatArray
from semtoken.errors import InvalidInputError
from semtoken.evaluation.bundled import bundled_demo
from semtoken.evaluation.datasets import Corpus
from semtoken.evaluation.lm import LmSettings, cut_windows, run_lm
from semtoken.evaluation.methods import Resources, build_methods
from semtoken.evaluation.rows import lm_rows
from semtoken.tokenizer import ServedTokenizer

DOCUMENT = bundled_demo().document
SETTINGS = LmSettings(context=200, target=20, ratios=(2.0, 4.0))


class LengthModel:
    """A language model for which less context costs more: 1000 / (context length) nats a token."""

    name = "length"
    window = 1_000

    def __init__(self, tokenizer: ServedTokenizer) -> None:
        self.tokenizer = tokenizer

    def continuation_nll(self, context: Sequence[int], target: Sequence[int]) -> FloatArray:
        return np.full(len(target), 1000 / len(context), dtype=np.float32)

    def surprisal(self, ids: Sequence[int]) -> FloatArray:
        return np.zeros(len(ids), dtype=np.float32)


def test_windows_follow_one_another_and_stay_in_their_document(served: ServedTokenizer) -> None:
    corpus = Corpus("c", (DOCUMENT[:4000], "too short", DOCUMENT[4000:8000]))
    windows = list(cut_windows(corpus, served, SETTINGS))
    assert {window.document for window in windows} == {0, 2}
    for number in (0, 2):
        own = [window for window in windows if window.document == number]
        text = "".join(window.context + served.decode(window.target) for window in own)
        assert corpus.documents[number].startswith(text)
        assert len(own) == served.count(corpus.documents[number]) // 220
    assert all(served.count(window.context) == pytest.approx(200, abs=2) for window in windows)
    assert all(len(window.target) == 20 for window in windows)


def test_rows_measure_from_the_whole_context(served: ServedTokenizer) -> None:
    methods = build_methods(["truncate"], Resources(served))
    corpus = Corpus("c", (DOCUMENT[:4000], DOCUMENT[4000:9000]))
    rows = lm_rows(run_lm([corpus], methods, LengthModel(served), SETTINGS).outcomes, seed=0)
    whole, half, quarter = rows
    assert [row["ratio_asked"] for row in rows] == [1.0, 2.0, 4.0]
    assert (whole["delta_nll"], whole["ppl_over_none"]) == (0.0, 1.0)
    assert whole["nll"] == pytest.approx(5.0, rel=0.02)
    assert half["delta_nll"] == pytest.approx(5.0, rel=0.05)
    assert quarter["nll"] == pytest.approx(20.0, rel=0.05)
    assert half["ppl"] == pytest.approx(np.exp(half["nll"]), rel=1e-3)
    assert half["kept_fraction"] == pytest.approx(0.5, abs=0.02)
    low, high = half["ci95"]["delta_nll"]
    assert low <= half["delta_nll"] <= high


def test_a_limit_draws_windows_of_each_file(served: ServedTokenizer) -> None:
    corpora = [Corpus("a", (DOCUMENT,)), Corpus("b", (DOCUMENT[2000:],)), Corpus("c", ("short",))]
    methods = build_methods([], Resources(served))
    result = run_lm(corpora, methods, LengthModel(served), LmSettings(200, 20, limit=3, seed=1))
    assert [row["n"] for row in lm_rows(result.outcomes, seed=0)] == [3, 3]
    assert result.too_short == ("c",)


@pytest.mark.parametrize(
    ("settings", "said"), [(LmSettings(990, 20), "window of 1000"), (LmSettings(500, 20), "no document holds")]
)
def test_windows_that_fit_nowhere_are_an_error(served: ServedTokenizer, settings: LmSettings, said: str) -> None:
    corpus = Corpus("c", (DOCUMENT[:500],))
    with pytest.raises(InvalidInputError, match=said):
        run_lm([corpus], build_methods([], Resources(served)), LengthModel(served), settings)
