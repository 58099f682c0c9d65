from __future__ import annotations

import pytest
from semtoken.evaluation import bundled_demo
from semtoken.evaluation.bundled import BUNDLED, bundled_records, bundled_texts
from semtoken.evaluation.datasets import load_corpus, load_examples
from semtoken.evaluation.metrics import answer_in_context


def test_the_demo_answer_stands_at_neither_end() -> None:
    demo = bundled_demo()
    told = f"{demo.answer}, which has provided a significant amount of hardware, the CLASS Project"
    assert demo.document.count(told) == 1
    assert 1 / 4 < demo.document.index(told) / len(demo.document) < 3 / 4
    assert "Library of Congress" in demo.source


def test_every_answer_stands_in_its_document_verbatim() -> None:
    records = list(bundled_records())
    assert len(records) == 24
    for record in records:
        for answer in record["answers"]:
            assert answer in record["context"], record["id"]
        assert answer_in_context(record["context"], record["answers"])


def test_texts_carry_no_distributor_and_questions_a_source() -> None:
    texts = [*bundled_texts(), *(record["context"] for record in bundled_records())]
    assert not any("gutenberg" in text.casefold() for text in texts)
    assert all("public domain" in record["source"] for record in bundled_records())


def test_the_bundled_set_loads_like_a_file() -> None:
    data = load_examples(BUNDLED, limit=5, seed=1)
    assert (data.name, len(data.examples)) == ("bundled", 5)
    assert load_corpus(BUNDLED).documents == bundled_texts()


@pytest.mark.parametrize("record", list(bundled_records())[::6], ids=lambda record: str(record["id"]))
def test_documents_are_prose_not_lines(record: dict[str, str]) -> None:
    paragraphs = record["context"].strip().split("\n\n")
    assert not any("\n" in paragraph or "  " in paragraph for paragraph in paragraphs)
