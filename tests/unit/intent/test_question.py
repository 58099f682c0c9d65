"""The question is found wherever a prompt puts it, and nowhere else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semtoken.intent import Intent, find_question

PARAGRAPH = (
    "The survey of the coast began in the spring of 1843, when two ships left the harbour with a crew of ninety. "
    "They sailed north along the cliffs and charted every bay. The winter was spent at anchor, repairing sails."
)
DOCUMENT = "\n\n".join([PARAGRAPH] * 6)
QUESTION = "How many men sailed with the two ships?"
INSTRUCTION = "Use the following pieces of context to answer the question. If you don't know the answer, say so."


def question_of(text: str) -> str | None:
    found = find_question(text).question
    return None if found is None else text[slice(*found)]


def pinned(text: str) -> list[str]:
    return [text[start:end] for start, end in find_question(text).instructions]


TEMPLATES = [
    "{c}\n\n{q}",
    "{q}\n\n{c}",
    "{c}\n{q}",
    "Question: {q}\n\nContext:\n{c}",
    "Context:\n{c}\n\nQuestion: {q}\nAnswer:",
    "Context: {c} Question: {q} Answer:",
    "{i}\n\n{c}\n\nQuestion: {q}\nHelpful Answer:",
    "{i}\n\n{c}\n\n{q}",
    "{i}\n\n{q}\n\n{c}",
    "{c}\n\n{q}\n\nAnswer in one short sentence.",
    "<documents>\n{c}\n</documents>\n\n<question>{q}</question>",
    "<question>\n{q}\n</question>\n<context>\n{c}\n</context>",
    "# Context\n\n{c}\n\n# Question\n\n{q}\n\n# Answer\n",
    "**Context:** {c}\n\n**Question:** {q}",
    "Context information is below.\n-------\n{c}\n-------\nGiven the context, answer the query.\nQuery: {q}\nAnswer: ",
    "<|im_start|>user\n{c}\n\nQ: {q}<|im_end|>\n<|im_start|>assistant\n",
    "```\n{c}\n```\n\n{q}",
    "User question: {q}\n\nDocuments:\n{c}",
]


@pytest.mark.parametrize("template", TEMPLATES)
def test_finds_the_question_in_every_template(template: str) -> None:
    text = template.format(c=DOCUMENT, q=QUESTION, i=INSTRUCTION)
    assert question_of(text) == QUESTION
    assert find_question(text).query(text) == QUESTION


@pytest.mark.parametrize(
    ("label", "question"),
    [
        ("Frage:", "Wie viele Männer fuhren mit den Schiffen?"),
        ("Pregunta:", "¿Cuántos hombres navegaban?"),
        ("Question :", "Combien d'hommes étaient à bord ?"),
        ("Вопрос:", "Сколько человек было на борту?"),
        ("问题：", "船上有多少人？"),
        ("質問：", "乗組員は何人ですか。"),
        ("السؤال:", "كم عدد البحارة"),
        ("प्रश्न:", "जहाज पर कितने लोग थे?"),
        ("คำถาม:", "มีลูกเรือกี่คน"),
        ("Ερώτηση:", "Πόσοι ήταν στο πλοίο;"),
        ("질문:", "선원은 몇 명입니까?"),
        ("Soru:", "Gemide kaç kişi vardı?"),
    ],
)
def test_reads_labels_of_many_languages(label: str, question: str) -> None:
    assert question_of(f"{DOCUMENT}\n\n{label} {question}") == question
    assert question_of(f"{label} {question}\n\n{DOCUMENT}") == question
    assert question_of(f"{DOCUMENT}\n\n{question}") == question


@pytest.mark.parametrize(
    "question", ["who was the captain of the second ship", "new york to boston travel time by ship"]
)
def test_takes_search_words_after_the_document_for_a_question(question: str) -> None:
    assert question_of(f"{DOCUMENT}\n\n{question}") == question


def test_keeps_the_choices_with_a_multiple_choice_question() -> None:
    question = "What was done in winter?\n\n (A) Fishing\n\n (B) Repairs\n\n (C) Nothing"
    assert question_of(f"{DOCUMENT}\n\n{question}") == question
    assert question_of(f"{question}\n\n{DOCUMENT}") == question
    bare = "what was the voyage mainly about\nA. charting the bays\nB. trading furs"
    assert question_of(f"{DOCUMENT}\n\n{bare}") == bare


def test_last_label_wins_and_an_answered_one_is_an_example() -> None:
    shots = (
        "Question: What is foreclosure?\nAnswer: A legal process.\n\nQuestion: What is a schooner?\nAnswer: A ship.\n\n"
    )
    assert question_of(f"{shots * 8}Question: {QUESTION}\nAnswer:") == QUESTION


def test_a_faq_does_not_hide_the_question_before_or_after_it() -> None:
    faq = "\n\n".join(
        f"Q: How do I reset device {n}?\nA: Hold the button for {n} seconds until it blinks." for n in range(30)
    )
    assert question_of(f"{faq}\n\nQuestion: {QUESTION}") == QUESTION
    assert question_of(f"Question: {QUESTION}\n\n{faq}") == QUESTION


@pytest.mark.parametrize(
    "document",
    [
        DOCUMENT,
        f"{DOCUMENT}\n\nThe crew came home in June.",
        f"{DOCUMENT}\n\nWhen the war ended, they went home.",
        f"List of ships of the northern survey\n\n{DOCUMENT}",
        "\n".join(f"Grad {'AB'[n % 2]}: I think we should look at the numbers again, number {n}." for n in range(60)),
        json.dumps({f"key {n}": {"question": "Who?", "value": n} for n in range(90)}, indent=1),
        "def f(x):\n    return x  # what is x?\n\n\n" * 40,
    ],
)
def test_a_document_alone_asks_nothing(document: str) -> None:
    assert find_question(document).question is None


def test_speech_in_a_document_loses_to_the_question_at_the_other_end() -> None:
    transcript = "\n".join(f"Speaker {n % 3}: Shall we look at item {n} now?" for n in range(60))
    assert question_of(f"{QUESTION}\n\n{transcript}") == QUESTION
    for speech in ('"And where do we go now?"', 'He smiled and murmured softly: "We saw it all, didn\'t we, Brute?"'):
        assert question_of(f"{QUESTION}\n\n{DOCUMENT}\n\n{speech}") == QUESTION
        request = "Describe the repairs of the ships"
        assert question_of(f"{DOCUMENT}\n\n{speech}\n\n{request}") == request


@pytest.mark.parametrize(
    "fenced", ["```python\nprint('Why?')\n\n# Question: what is this?\n```", '{"question": "What is this?",\n "id": 3}']
)
def test_never_takes_the_question_from_code_or_json(fenced: str) -> None:
    block = "\n".join([fenced] * 40)
    assert question_of(f"{QUESTION}\n\n{block}") == QUESTION
    assert question_of(f"{block}\n\n{QUESTION}") == QUESTION


def test_code_cut_by_the_window_is_still_code() -> None:
    code = "```\n" + "x = ask('What is this?')\n\nWhat does it do?\n\n" * 2_000 + "```"
    assert question_of(f"{QUESTION}\n\n{code}") == QUESTION
    assert find_question(code).question is None


def test_a_short_message_is_all_question() -> None:
    text = "Hello there.\n\nMy order 4711 has not arrived.\n\nCan you look into it?"
    assert find_question(text) == Intent((0, len(text)), ())


def test_one_huge_paragraph_ends_in_its_question() -> None:
    text = " ".join([PARAGRAPH] * 30) + " " + QUESTION
    assert question_of(text) == QUESTION


def test_opening_request_is_pinned_and_a_generic_one_is_no_query() -> None:
    text = f"Summarize the following text in three sentences:\n\n{DOCUMENT}"
    found = find_question(text)
    assert found.request(text).startswith("Summarize the following text")
    assert found.query(text) is None
    topical = f"{DOCUMENT}\n\nSummarize what is said about the repairs."
    assert find_question(topical).query(topical) == "Summarize what is said about the repairs."
    same_line = f"Translate this into French: {' '.join([PARAGRAPH] * 10)}"
    assert find_question(same_line).request(same_line) == "Translate this into French:"


@pytest.mark.parametrize(
    "generic", ["总结以上文章。", "Fasse den folgenden Text zusammen.", "What is this document about?"]
)
def test_generic_requests_of_other_languages_are_no_query(generic: str) -> None:
    text = f"{DOCUMENT}\n\n{generic}"
    assert question_of(text) == generic
    assert find_question(text).query(text) is None


def test_pins_instructions_labels_and_cues() -> None:
    text = f"{INSTRUCTION}\n\nContext:\n{DOCUMENT}\n\nQuestion: {QUESTION}\nAnswer:"
    assert pinned(text) == [INSTRUCTION, "Context:", "Question: ", "Answer:"] or pinned(text) == [
        INSTRUCTION,
        "Question: ",
        "Answer:",
    ]
    after = f"{DOCUMENT}\n\n{QUESTION}\n\nAnswer in one short sentence."
    assert pinned(after) == ["Answer in one short sentence."]


@pytest.mark.parametrize("closing", ["Thanks!", "Go on.", "Vielen Dank im Voraus", "谢谢！", "Many thanks in advance."])
def test_a_polite_closing_is_pinned_and_hides_no_question(closing: str) -> None:
    text = f"{DOCUMENT}\n\n{QUESTION}\n\n{closing}"
    assert question_of(text) == QUESTION
    assert pinned(text) == [closing]


@pytest.mark.parametrize("closing", ["Thanks!", "Ahoy there."])
def test_a_last_word_is_kept_but_is_no_question(closing: str) -> None:
    text = f"{DOCUMENT}\n\n{closing}"
    assert question_of(text) is None
    assert pinned(text) == [closing]


def test_thanks_alone_are_no_query() -> None:
    assert find_question("Thanks!").query("Thanks!") is None


def test_open_item_of_a_few_shot_prompt_is_the_question() -> None:
    item = "Dialogue: Amy: Are you in?\nTom: Back at five.\nSummary:"
    shots = "".join(
        f"Dialogue: Ann: Lunch on day {n}?\nBob: Yes.\nSummary: Ann and Bob have lunch.\n" for n in range(20)
    )
    assert question_of(f"Summarize the dialogue.\n\n{shots}{item}") == item.removesuffix("\nSummary:")


def test_only_the_ends_of_a_huge_text_are_read() -> None:
    filler = "Every bay was charted twice and nothing else was noted. "
    for middle in (filler * 40_000, "Question: Who?\n" * 150_000, "[" * 2_000_000, " " * 2_000_000):
        text = f"{DOCUMENT}\n\n{middle}\n\n{DOCUMENT}\n\n{QUESTION}"
        assert question_of(text) == QUESTION


PIECES = st.sampled_from(
    [
        "Question:",
        "Answer:",
        "\n",
        "\n\n",
        "```",
        "{",
        "}",
        '"a": 1',
        "?",
        "？",
        "؛",
        ";",
        "A. ",
        "<question>",
        "</question>",
        "Q:",
        "## ",
        "- ",
        "翻译",
        "Who is it",
    ]
)
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=40), st.just(PARAGRAPH), st.just("x" * 3_000)), max_size=14).map(
    "".join
)


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_ranges_are_sorted_disjoint_and_inside_the_text(text: str) -> None:
    found = find_question(text)
    spans = sorted([*found.instructions, *([found.question] if found.question else [])])
    assert list(found.instructions) == sorted(found.instructions)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert find_question(text) == found


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(categories=["L", "N", "Zs"]), min_size=3, max_size=80))
def test_a_labelled_question_is_pinned_whole(words: str) -> None:
    asked = " ".join(words.split()) + "?"
    text = f"{DOCUMENT}\n\nQuestion: {asked}\nAnswer:"
    found = find_question(text)
    start = text.index(f"Question: {asked}")
    spans = [*found.instructions, *([found.question] if found.question else [])]
    covered = {i for a, b in spans for i in range(a, b)}
    assert all(i in covered or text[i].isspace() for i in range(start, len(text)))
