"""A run's question and instructions are found whatever of them stands in keep tags."""

from __future__ import annotations

import pytest
from fakes.encoders import HashEncoder, small_tokenizer
from hypothesis import given
from hypothesis import strategies as st
from semtoken import CompressionOptions, Compressor, without_keep_tags
from semtoken.intent import run_question
from semtoken.messages.asked import read_run
from semtoken.segment import outside_keep_tags

OPEN, CLOSE = "<semtoken:keep>", "</semtoken:keep>"
ASKED = "Who stored crate 27?"
DOCUMENT = " ".join(f"Clerk {k * 37 % 100} stored crate {k} in hall {k % 7} near the river." for k in range(80))
PIECES = (OPEN, CLOSE, DOCUMENT[:700], ASKED, "Question: ", "Answer:", "Answer in one word.", "\n\n", "\n", " ")


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_ranges_are_those_of_the_text_with_its_tags(text: str) -> None:
    plain = without_keep_tags(text)
    found, tagged = run_question([plain]), read_run([text], keep_tags=True)
    assert (tagged.query, tagged.request) == (found.query([plain]), found.request([plain]))
    for before, after in zip(found.intents, tagged.intents, strict=True):
        assert (before.question is None) == (after.question is None)
        ranges = [span for span in (before.question, *before.instructions) if span]
        placed = [span for span in (after.question, *after.instructions) if span]
        kept = outside_keep_tags(text)
        for (a, b), (start, end) in zip(ranges, placed, strict=True):
            assert [sum(min(e, edge) - s for s, e in kept if s < edge) for edge in (start, end)] == [a, b]
            assert not text[start:end].startswith(OPEN) or plain[a:b].startswith(OPEN)


@pytest.mark.parametrize(
    "text",
    [
        f"{DOCUMENT}\n\n{OPEN}{ASKED}{CLOSE}",
        f"{DOCUMENT}\n\nQuestion: {OPEN}{ASKED}{CLOSE}",
        f"{OPEN}{ASKED}{CLOSE}\n\n{DOCUMENT}",
        f"{DOCUMENT}\n\nQuestion: Who stored {OPEN}crate 27{CLOSE}?",
    ],
)
def test_a_tagged_question_is_the_query(text: str) -> None:
    compressor = Compressor(HashEncoder(), small_tokenizer())
    options = CompressionOptions(keep_tags=True, ratio=8)
    result = compressor.compress_messages([{"role": "user", "content": text}], options)
    assert result.parts[0].query == ASKED
    assert "stored crate 27 in hall" in result.messages[0]["content"]
    assert ASKED in result.messages[0]["content"]


def test_tags_that_the_option_does_not_name_are_text() -> None:
    text = f"{DOCUMENT}\n\nQuestion: {OPEN}{ASKED}{CLOSE}"
    assert read_run([text], keep_tags=False).query == OPEN + ASKED + CLOSE
