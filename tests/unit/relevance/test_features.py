"""The features of a unit and the head that weighs them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fakes.encoders import HashEncoder
from semtoken import Compressor
from semtoken.datamodels import Query
from semtoken.encoders import EncoderInput
from semtoken.relevance import relevance
from semtoken.relevance.features import FEATURES, features
from semtoken.relevance.head import Head, trained
from semtoken.segment import segment

DOCUMENT = """# Bridges

The old bridge of Lund was torn down. A storm had broken two of its arches. Nobody missed it.

# People

The engineer was born in Oslo. Her name was Anna Petrova. She built the bridge of Lund anew in 1887.
She never saw it finished.
"""
QUESTION = "Who built the bridge of Lund?"


def table(text: str, question: str) -> tuple[np.ndarray, list[str]]:
    segmentation = segment(text)
    document, asked = HashEncoder().encode(
        [EncoderInput(text, segmentation.starts), EncoderInput(question, np.zeros(1, dtype=np.int64))]
    )
    spans = zip(segmentation.starts.tolist(), segmentation.ends.tolist(), strict=True)
    return features(segmentation, document, Query(question, asked)), [text[a:b] for a, b in spans]


def column(values: np.ndarray, name: str) -> np.ndarray:
    return values[:, FEATURES.index(name)]


def test_each_unit_has_one_row_and_glue_has_zeros() -> None:
    values, units = table(DOCUMENT, QUESTION)
    assert values.shape == (len(units), len(FEATURES))
    assert np.isfinite(values).all()
    glue = ~segment(DOCUMENT).content
    assert glue.any()
    assert not values[glue].any()


def test_the_unit_with_the_questions_words_matches_most() -> None:
    values, units = table(DOCUMENT, QUESTION)
    best = next(i for i, unit in enumerate(units) if unit.startswith("She built"))
    for name in ("bm25", "pairs of words"):
        assert column(values, name).argmax() == best
    assert column(values, "the unit before")[best + 1] == column(values, "the unit before").max()
    assert column(values, "the unit after")[best - 1] == column(values, "the unit after").max()


def test_a_paragraph_shares_its_best_unit() -> None:
    values, units = table(DOCUMENT, QUESTION)
    shared = column(values, "best of its paragraph")
    people = [i for i, unit in enumerate(units) if unit.startswith(("The engineer", "Her name", "She never"))]
    assert len({float(shared[i]) for i in people}) == 1
    assert shared[people[0]] > shared[next(i for i, unit in enumerate(units) if unit.startswith("Nobody"))]


@pytest.mark.parametrize("text", ["One.", "One. Two.", "word " * 30, "```\nx = 1\n```\n"])
def test_small_texts_have_finite_features(text: str) -> None:
    values, _ = table(text, "One")
    assert np.isfinite(values).all()


def test_the_trained_head_fits_the_features() -> None:
    head = trained()
    assert head.hidden.shape[0] == len(FEATURES)
    assert head.hidden.shape[1:] == head.bias.shape == head.output.shape


def test_a_saved_head_gives_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    head = Head(*(rng.normal(size=shape).astype(np.float32) for shape in ((len(FEATURES), 4), (4,), (4,))))
    head.save(tmp_path / "head.npz")
    with np.load(tmp_path / "head.npz") as saved:
        again = Head(saved["hidden"], saved["bias"], saved["output"])
    rows = rng.normal(size=(5, len(FEATURES))).astype(np.float32)
    np.testing.assert_array_equal(head(rows), again(rows))


def test_the_answer_is_the_most_relevant_unit(compressor: Compressor) -> None:
    spans = compressor.compress(DOCUMENT, QUESTION).spans
    best = max(spans, key=lambda span: span.relevance)
    assert DOCUMENT[best.start : best.end].startswith(("She built", "Her name"))


def test_no_token_no_relevance() -> None:
    segmentation = segment(DOCUMENT)
    document, asked = HashEncoder().encode(
        [EncoderInput(DOCUMENT, segmentation.starts), EncoderInput("", np.zeros(1, dtype=np.int64))]
    )
    assert not relevance(segmentation, document, Query("", asked)).any()
