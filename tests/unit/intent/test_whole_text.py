"""The classifier of requests on 300 that its authors had not seen, alone and in messages with a document."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from semtoken.evaluation.bundled import bundled_demo
from semtoken.intent import find_question, run_question, whole_text_task
from semtoken.intent.ngrams import DIMENSIONS, ngrams
from semtoken.intent.whole_text import score

FRESH: dict[str, list[str]] = json.loads((Path(__file__).parent / "fresh_requests.json").read_text(encoding="utf-8"))
DOCUMENT = bundled_demo().document[:6_000]


def seen(texts: list[str]) -> bool:
    return whole_text_task(run_question(texts).request(texts))


@pytest.mark.parametrize("language", list(FRESH))
def test_recognises_requests_it_was_not_trained_on(language: str) -> None:
    assert np.mean([whole_text_task(request) for request in FRESH[language]]) >= 0.93


@pytest.mark.parametrize("place", ["before", "after", "apart"])
def test_recognises_them_beside_a_document(place: str) -> None:
    def message(request: str) -> list[str]:
        if place == "apart":
            return [DOCUMENT, request]
        return [f"{request}\n\n{DOCUMENT}" if place == "before" else f"{DOCUMENT}\n\n{request}"]

    assert np.mean([seen(message(request)) for requests in FRESH.values() for request in requests]) >= 0.93


def test_a_request_at_the_edge_of_a_document_is_an_instruction() -> None:
    text = f"Into Dutch pls. Leave the URLs alone.\n\n{DOCUMENT}"
    assert any(text[start:end].startswith("Into Dutch") for start, end in find_question(text).instructions)


def test_a_document_alone_asks_for_nothing() -> None:
    assert not seen([DOCUMENT])


def test_ngrams_are_the_same_everywhere() -> None:
    # The weights were trained on these buckets.
    assert ngrams("a").tolist() == sorted(ngrams("A ").tolist())
    assert ngrams("ab").tolist() != ngrams("ba").tolist()
    found = ngrams("Translate this, please.")
    assert (np.diff(found) > 0).all()
    assert 0 <= found[0] <= found[-1] < DIMENSIONS


@pytest.mark.parametrize("text", ["", "\ud800", "\n", "🙂", "x" * 10_000])
def test_any_text_has_a_finite_score(text: str) -> None:
    assert np.isfinite(score(text))
