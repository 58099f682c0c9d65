"""Consecutive user texts are read as one request."""

from __future__ import annotations

from semtoken.intent import run_question

DOCUMENT = "\n\n".join(
    ["The coast was surveyed in 1843. Two ships charted every bay, and the winter was spent on repairs."] * 15
)
QUESTION = "Who commanded the ships?"


def test_short_question_beside_a_document_carries_the_query() -> None:
    for texts in ([DOCUMENT, QUESTION], [QUESTION, DOCUMENT]):
        run = run_question(texts)
        assert run.carrier == texts.index(QUESTION)
        assert run.query(texts) == QUESTION
        assert run.intents[texts.index(DOCUMENT)].question is None


def test_short_remark_is_pinned_but_does_not_carry() -> None:
    texts = ["Here is the report.", DOCUMENT, QUESTION, "Thanks a lot in advance"]
    run = run_question(texts)
    assert run.carrier == 2
    assert run.intents[0].instructions == ((0, len(texts[0])),)
    assert run.intents[3].instructions == ((0, len(texts[3])),)


def test_question_inside_a_long_part_carries_when_no_short_part_asks() -> None:
    texts = ["Here is the report.", f"{DOCUMENT}\n\nQuestion: {QUESTION}"]
    run = run_question(texts)
    assert run.carrier == 1
    assert run.query(texts) == QUESTION


def test_last_of_equal_questions_carries_and_the_others_are_pinned() -> None:
    texts = ["Where did they sail?", QUESTION]
    run = run_question(texts)
    assert run.carrier == 1
    assert run.intents[0].question is None
    assert run.intents[0].instructions == ((0, len(texts[0])),)
    assert "Where did they sail?" in run.request(texts)


def test_documents_alone_and_nothing_at_all_carry_no_query() -> None:
    assert run_question([DOCUMENT, DOCUMENT]).carrier is None
    assert run_question([]).carrier is None
    assert run_question(["", "  \n"]).query(["", "  \n"]) is None
