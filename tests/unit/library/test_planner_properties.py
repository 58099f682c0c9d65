"""Whatever the chat: no exception but the documented ones, and what must hold of every form."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from fakes.encoders import HashEncoder, small_tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from semtoken import CompressionOptions, Compressor, InvalidInputError, Reason

COMPRESSOR = Compressor(HashEncoder(), small_tokenizer())
PIECES = st.sampled_from(
    [
        *("\n", "\n\n", " ", "Anna stored crate 39 in hall 2. ", "The gate is green and wide. ", "Who is Anna?"),
        *("Question: Who is Boris?\n", "<question>Where?</question>", "Answer:", "Translate this.", "Thanks!"),
        *("<semtoken:keep>", "</semtoken:keep>", "<|im_start|>system\n", '{"semtoken": {"mode": "off"}}\n'),
        *("```\ncode\n```\n", '[{"a": 1}, {"b": [2, 3]}]', "# T\n\n", "- item\n", "| a | b |\n|---|---|\n| 1 | 2 |\n"),
        *("\x00", "\ufeff", "\u202e", "e\u0301", "你好。", "สวัสดี", "👩\u200d👧", "x" * 50),
    ]
)
TEXTS = st.lists(PIECES, max_size=25).map("".join)
PARTS = st.one_of(
    TEXTS.map(lambda text: {"type": "text", "text": text}),
    st.just({"type": "image_url", "image_url": {"url": "data:,"}}),
    st.just({"type": "text", "text": 3}),
)
CONTENTS = st.one_of(TEXTS, st.lists(PARTS, max_size=3), st.none())
CALLS = [{"id": "c1", "function": {"name": "find", "arguments": "{}"}}, {"id": 3}, "call"]
MESSAGES = st.one_of(
    st.builds(lambda c: {"role": "system", "content": c}, CONTENTS),
    st.builds(lambda c: {"role": "developer", "content": c, "name": "d"}, CONTENTS),
    st.builds(lambda c: {"role": "user", "content": c}, CONTENTS),
    st.builds(lambda c: {"role": "user", "content": c}, CONTENTS),
    st.builds(lambda c: {"role": "assistant", "content": c, "tool_calls": CALLS}, CONTENTS),
    st.builds(lambda c: {"role": "tool", "tool_call_id": "c1", "content": c}, CONTENTS),
    st.builds(lambda c: {"role": "other", "content": c}, CONTENTS),
)
CHATS = st.lists(MESSAGES, min_size=1, max_size=7)
OPTIONS = st.fixed_dictionaries(
    {
        "min_tokens": st.sampled_from([0, 8, 64]),
        "mode": st.sampled_from(["auto", "force"]),
        "ratio": st.sampled_from([1.0, 2.4, 20.0]),
        "stability": st.sampled_from(["turn", "document"]),
        "keep_tags": st.booleans(),
        "protect": st.sampled_from([(), ("crate 39",), ("e", "\n")]),
        "query": st.sampled_from([None, "", "Who is Anna?"]),
        "roles": st.sampled_from([("user", "tool"), ("user",), ()]),
    }
)
Message = dict[str, Any]


@given(CHATS, OPTIONS)
@settings(max_examples=60, deadline=None)
def test_forms_keep_what_they_must(chat: list[Message], values: dict[str, Any]) -> None:
    options = CompressionOptions.parse(values)
    before = json.dumps(chat)
    result = COMPRESSOR.compress_messages(chat, options)
    assert json.dumps(chat) == before, "the caller's messages are not written to"
    assert result.original_tokens == COMPRESSOR.tokenizer.count_messages(chat)
    assert result.forwarded_tokens == COMPRESSOR.tokenizer.count_messages(result.messages)
    for old, new in zip(chat, result.messages, strict=True):
        assert {k: v for k, v in old.items() if k != "content"} == {k: v for k, v in new.items() if k != "content"}
        if old["role"] not in options.roles and not options.keep_tags:
            assert old == new
    for part in result.parts:
        form = part.result
        assert "".join(form.original[start:end] for start, end in form.kept) == form.text
        assert all(a[1] <= b[0] for a, b in zip(form.kept, form.kept[1:], strict=False))
        # A pinned span stays whole.
        for span in form.spans:
            if span.decision == "pinned":
                assert any(start <= span.start and span.end <= end for start, end in form.kept)
        for string in options.protect if part.role in options.roles and not options.keep_tags else ():
            assert form.text.count(string) >= form.original.count(string)


@given(CHATS, OPTIONS)
@settings(max_examples=60, deadline=None)
def test_no_later_role_changes_an_earlier_form(chat: list[Message], values: dict[str, Any]) -> None:
    options = CompressionOptions.parse(values)
    whole = COMPRESSOR.compress_messages(chat, options).messages
    for end in range(1, len(chat)):
        if chat[end]["role"] != chat[end - 1]["role"]:
            assert COMPRESSOR.compress_messages(chat[:end], options).messages == whole[:end]


@given(CHATS, OPTIONS, st.integers(1, 400))
@settings(max_examples=60, deadline=None)
def test_a_target_is_kept_or_said_to_be_missed(chat: list[Message], values: dict[str, Any], target: int) -> None:
    result = COMPRESSOR.compress_messages(chat, CompressionOptions.parse({**values, "target_tokens": target}))
    missed = (Reason.TARGET_MISSED, Reason.WHOLE_TEXT_TASK)
    assert result.forwarded_tokens <= target or result.reason in missed


JUNK = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda j: st.lists(j, max_size=3))


@given(
    st.lists(st.dictionaries(st.sampled_from(["role", "content", "tool_calls"]), JUNK | TEXTS), min_size=1, max_size=3)
)
@settings(max_examples=60, deadline=None)
def test_a_malformed_chat_is_refused_as_documented(chat: list[Message]) -> None:
    with suppress(InvalidInputError):
        result = COMPRESSOR.compress_messages(chat)
        assert len(result.messages) == len(chat)
