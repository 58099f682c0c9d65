"""Whole-text requests late in a chat: what comes back for them, and how often."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.encoders import HashEncoder, small_tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from semtoken import CompressionOptions, Compressor, MessagesResult

COMPRESSOR = Compressor(HashEncoder(), small_tokenizer())
TEXT = " ".join(f"In the year {1700 + k} clerk {k * 37 % 100} repaired the gate of hall {k % 7}." for k in range(80))
LETTER = " ".join(f"Dear board, letter {k} says that nothing was decided about gate {k * 3}." for k in range(80))
QUESTION = "What did clerk 99 repair?"
ABOVE = "Translate the text above into German."
FRENCH = "Now translate the document into French."
OWN = ("Translate 'good morning' into French.", "Fix the spelling: 'helo wrld'", "Rewrite politely: Give me the money!")
NOTED = {"role": "assistant", "content": "Noted."}
Message = dict[str, Any]


def turns(*texts: str) -> list[Message]:
    return [m for text in texts for m in ({"role": "user", "content": text}, NOTED)][:-1]


def asked(*texts: str, **options: Any) -> MessagesResult:
    return COMPRESSOR.compress_messages(turns(*texts), CompressionOptions.parse(options))


def words(result: MessagesResult) -> list[str]:
    return [message["content"] for message in result.messages if message["role"] == "user"]


@pytest.mark.parametrize("request_", OWN)
def test_a_request_that_brings_its_text_gets_no_other(request_: str) -> None:
    result = asked(f"{TEXT}\n\nQuestion: {QUESTION}", request_, *OWN)
    assert words(result)[1:] == [request_, *OWN]
    assert result.forwarded_tokens < result.original_tokens


def test_nothing_is_recalled_into_a_long_text_that_is_to_stay_whole() -> None:
    long = f"{LETTER}\n\nCount the words in the letter above about the harbour master."
    result = asked(f"{TEXT} The vault of the harbour master is open.\n\nQuestion: {QUESTION}", long, ratio=6)
    assert words(result)[1] == long
    assert not result.parts[-1].recalled


@pytest.mark.parametrize("keep_tags", [True, False])
@pytest.mark.parametrize("question", [f"Question: {QUESTION}\nAnswer:", QUESTION, f"**Question:** {QUESTION}"])
def test_a_text_comes_back_without_its_question_and_its_tags(question: str, keep_tags: bool) -> None:
    title = "<semtoken:keep>Gates</semtoken:keep> " if keep_tags else "Gates "
    result = asked(f"{title}{TEXT}\n\n{question}", ABOVE, keep_tags=keep_tags)
    assert words(result)[1] == f"Gates {TEXT}\n\n{ABOVE}"


def test_a_text_comes_back_once() -> None:
    result = asked(f"{TEXT}\n\n{QUESTION}", ABOVE, FRENCH, "What did clerk 36 repair?", FRENCH)
    assert [text.count(TEXT) for text in words(result)[1:]] == [1, 0, 0, 0]
    assert words(result)[2:] == [FRENCH, "What did clerk 36 repair?", FRENCH]


def test_no_older_text_comes_back_than_the_last() -> None:
    result = asked(f"{LETTER}\n\nWhich gate is it?", f"{TEXT}\n\n{QUESTION}", ABOVE, FRENCH)
    assert [(LETTER in text, TEXT in text) for text in words(result)[2:]] == [(False, True), (False, False)]
    # The last text stands whole, since its own request needed all of it.
    assert words(asked(f"{LETTER}\n\nWhich gate is it?", f"{TEXT}\n\n{ABOVE}", FRENCH))[2] == FRENCH


def test_a_role_that_is_not_to_be_changed_gets_nothing() -> None:
    chat = [*turns("Which gate?"), {"role": "tool", "tool_call_id": "c", "content": TEXT}, NOTED, *turns(ABOVE)]
    for roles, comes in ((("user", "tool"), True), (("tool",), False)):
        result = COMPRESSOR.compress_messages(chat, CompressionOptions.parse({"roles": roles}))
        assert (TEXT in result.messages[-1]["content"]) is comes


def test_a_form_for_every_question_recalls_nothing_twice() -> None:
    vault = "The vault of the harbour master opens with the word heliotrope."
    question = "With which word does the vault of the harbour master open?"
    result = asked(f"{TEXT} {vault} {LETTER}\n\n{question}", question, stability="document", ratio=6)
    first, second = (set(part.recalled) for part in result.parts)
    assert first
    assert not first & second


requests = st.sampled_from([*OWN, ABOVE, FRENCH, QUESTION, "What did clerk 36 repair?", "Thanks!"])
long = st.builds(lambda text, ask: f"{text}\n\n{ask}", st.sampled_from([TEXT, LETTER]), requests)


@given(st.lists(st.one_of(requests, long), min_size=1, max_size=8), st.sampled_from(["turn", "document"]))
@settings(max_examples=40, deadline=None)
def test_however_many_requests_a_chat_grows_by_each_text_once(texts: list[str], stability: str) -> None:
    result = asked(*texts, stability=stability)
    count = COMPRESSOR.tokenizer.count
    whole = [text for part in result.parts for text in part.recalled if TEXT in text or LETTER in text]
    assert len(whole) <= sum(TEXT in text or LETTER in text for text in texts)
    # Line breaks between what is recalled are tokens of their own.
    seams = sum(len(part.recalled) + 2 for part in result.parts)
    assert result.forwarded_tokens <= result.original_tokens + sum(map(count, whole)) + seams
