"""Whole chats and prompts within ``target_tokens`` and within the model's window."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from fakes.encoders import HashEncoder, small_tokenizer
from fakes.texts import QUESTION, document
from hypothesis import given, settings
from hypothesis import strategies as st
from semtoken import CompressionOptions, Compressor, MessagesResult, Reason, Status
from semtoken.datamodels import Encoding
from semtoken.deadline import Deadline
from semtoken.encoders import EncoderInput

COMPRESSOR = Compressor(HashEncoder(), small_tokenizer())
Message = dict[str, Any]

UNIT = 70
"""More tokens than any sentence of a document has, with its seams."""
WHY_NOT = (Reason.TARGET_MISSED, Reason.WINDOW_MISSED, Reason.WHOLE_TEXT_TASK)
NOTED: Message = {"role": "assistant", "content": "Noted."}
TOOLS = [{"type": "function", "function": {"name": "lookup", "parameters": {"type": "object"}}}]

asks = st.sampled_from([QUESTION, "Who sold the tower in the year 1710?", "Thanks!", "Go on.", "Which mill?"])
contents = st.builds(lambda n, q: f"{document(n, needle=n > 20)}\n\nQuestion: {q}", st.integers(3, 60), asks)
users = st.lists(contents, min_size=1, max_size=2).map(lambda texts: [{"role": "user", "content": t} for t in texts])
call: Message = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "lookup", "arguments": '{"year": 1710}'}}],
}
tools = st.integers(3, 40).map(lambda n: [call, {"role": "tool", "tool_call_id": "c1", "content": document(n)}])
chats = st.lists(st.tuples(users, st.one_of(st.just([]), tools)), min_size=1, max_size=3).map(
    lambda turns: [*itertools.chain.from_iterable([*u, *t, NOTED] for u, t in turns)][:-1]
)
bounds = st.one_of(
    st.builds(lambda n: {"target_tokens": n}, st.integers(40, 3000)),
    st.builds(lambda n, o: {"window_tokens": n, "output_tokens": o}, st.integers(100, 3000), st.integers(1, 60)),
)
options = st.builds(
    lambda bound, low, stability: {**bound, "min_tokens": low, "stability": stability},
    bounds,
    st.sampled_from([64, 512]),
    st.sampled_from(["turn", "document"]),
)


def limit_of(values: dict[str, Any]) -> int:
    return int(values.get("target_tokens") or values["window_tokens"] - values["output_tokens"])


@given(chats, options)
@settings(max_examples=60, deadline=None)
def test_a_chat_is_within_its_bound_or_the_reason_says_why_not(chat: list[Message], values: dict[str, Any]) -> None:
    limit = limit_of(values)
    result = COMPRESSOR.compress_messages(chat, CompressionOptions.parse(values), TOOLS)
    assert result.forwarded_tokens == COMPRESSOR.tokenizer.count_messages(result.messages, TOOLS)
    assert (result.forwarded_tokens > limit) == (result.reason in WHY_NOT)
    if result.forwarded_tokens <= limit < result.original_tokens and result.reason is Reason.FIT_WINDOW:
        assert result.status is Status.COMPRESSED
    later = any(message["role"] == "assistant" for message in chat)
    assert later or not result.prefix_breaks


@given(chats, st.integers(300, 3000))
@settings(max_examples=40, deadline=None)
def test_no_more_is_dropped_than_needed(chat: list[Message], target: int) -> None:
    result = COMPRESSOR.compress_messages(chat, CompressionOptions(target_tokens=target, min_tokens=0))
    if result.original_tokens <= target:
        assert list(result.messages) == chat
    elif result.forwarded_tokens <= target:
        later = any(message["role"] == "assistant" for message in chat)
        # A first turn leaves no more unused than units that did not fit; a later one a step at the most.
        step = (1 - 2**-0.25) * target if later else 0.02 * target
        assert target - result.forwarded_tokens <= step + UNIT * len(result.parts)


@given(contents, st.integers(20, 4000), st.sampled_from(["text", "tokens"]), st.sampled_from(["turn", "document"]))
@settings(max_examples=40, deadline=None)
def test_a_prompt_is_within_its_bound_or_the_reason_says_why_not(
    prompt: str, limit: int, realise: str, stability: str
) -> None:
    why_not = (*WHY_NOT, Reason.PINNED_OVER_BUDGET)
    for bound in ({"target_tokens": limit}, {"window_tokens": limit + 16, "output_tokens": 16}):
        options = CompressionOptions.parse({**bound, "realise": realise, "stability": stability, "min_tokens": 0})
        result = COMPRESSOR.compress_prompt(prompt, options)
        if realise == "text":
            assert list(result.token_ids) == COMPRESSOR.tokenizer.ids(result.text)
        if result.compressed_tokens > limit:
            assert result.reason in why_not
            continue
        assert result.reason not in WHY_NOT
        if result.original_tokens > limit and "target_tokens" in bound:
            # A form without a look at the question leaves room for what that recalls, needed or not.
            recalled = 0.2 * limit if stability == "document" else 0
            assert limit - result.compressed_tokens <= UNIT + recalled


def turns(count: int, sentences: int = 60) -> list[Message]:
    asked = [{"role": "user", "content": f"{document(sentences)}\n\nQuestion: {QUESTION}"}, NOTED]
    return (asked * count)[:-1]


def fit(chat: list[Message], window: int, output: int = 1, **values: Any) -> MessagesResult:
    return COMPRESSOR.compress_messages(
        chat, CompressionOptions.parse({"window_tokens": window, "output_tokens": output, **values})
    )


def test_a_chat_within_the_window_is_not_touched_by_it() -> None:
    chat = turns(2)
    plain = COMPRESSOR.compress_messages(chat)
    result = fit(chat, plain.forwarded_tokens + 1)
    assert result.messages == plain.messages
    assert (result.reason, result.prefix_breaks) == (plain.reason, ())


def test_a_chat_over_the_window_is_compressed_in_steps_and_counted_as_a_break() -> None:
    chat = turns(3)
    plain = COMPRESSOR.compress_messages(chat)
    result = fit(chat, plain.forwarded_tokens, output=40)
    assert result.forwarded_tokens <= plain.forwarded_tokens - 40
    assert (result.status, result.reason) == (Status.COMPRESSED, Reason.FIT_WINDOW)
    assert result.prefix_breaks == ("fit_window",)
    # Another turn that needs the same step leaves the earlier ones as they are.
    longer = fit([*chat, NOTED, {"role": "user", "content": "Thanks!"}], plain.forwarded_tokens, output=10)
    assert longer.messages[: len(chat)] == result.messages


def test_a_window_that_is_a_hundred_times_too_small_still_fits() -> None:
    result = fit([{"role": "user", "content": f"{document(700)}\n\nQuestion: {QUESTION}"}], 400, output=16)
    assert result.original_tokens > 39_000
    assert 384 - UNIT <= result.forwarded_tokens <= 384
    assert QUESTION in result.messages[0]["content"]


def test_short_messages_give_way_where_long_ones_alone_cannot() -> None:
    # 64 tokens are few for a message, 30 of them many for a window.
    chat = [{"role": "user", "content": document(4, needle=False)}, NOTED] * 30
    chat = [*chat, {"role": "user", "content": QUESTION}]
    result = fit(chat, 3000, min_tokens=512)
    assert COMPRESSOR.compress_messages(chat).reason is Reason.TOO_SHORT
    assert result.original_tokens > 5000
    assert (result.reason, result.status) != (Reason.TOO_SHORT, Status.SKIPPED)


def test_a_task_that_needs_the_whole_text_is_never_cut_to_fit() -> None:
    chat = [{"role": "user", "content": f"{document(60)}\n\nTranslate this text into German."}]
    result = fit(chat, 1000)
    assert list(result.messages) == chat
    assert (result.status, result.reason) == (Status.SKIPPED, Reason.WHOLE_TEXT_TASK)
    assert fit(chat, 1000, mode="force").reason is Reason.FIT_WINDOW
    assert fit(chat, 1000, mode="off").reason is Reason.MODE_OFF


def test_pinned_text_over_the_window_says_that_it_is_missed() -> None:
    chat = [{"role": "system", "content": document(30)}, *turns(1)]
    result = fit(chat, 500)
    assert result.reason is Reason.WINDOW_MISSED
    assert result.forwarded_tokens > 500


def test_an_answer_without_its_whole_room_is_better_than_none() -> None:
    chat = [{"role": "system", "content": document(30)}, *turns(1)]
    system = COMPRESSOR.tokenizer.count_messages(chat[:1])
    result = fit(chat, system + 300, output=280)
    assert result.reason is Reason.WINDOW_MISSED
    assert system < result.forwarded_tokens < system + 300


def test_what_a_recalled_text_makes_longer_than_it_came_goes_on_as_it_came() -> None:
    chat = [*turns(1, 80), NOTED, {"role": "user", "content": "Translate the text above into German."}]
    total = COMPRESSOR.tokenizer.count_messages(chat)
    recalled = COMPRESSOR.compress_messages(chat)
    assert recalled.forwarded_tokens > total
    result = fit(chat, total + 1)
    assert list(result.messages) == chat
    assert (result.status, result.reason) == (Status.SKIPPED, Reason.FIT_WINDOW)


class CountingEncoder(HashEncoder):
    """Keeps the texts that it is given, and in how many units: a question is one, whatever text it is."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, int]] = []

    def encode(
        self, inputs: Sequence[EncoderInput], *, lexical_only: bool = False, deadline: Deadline | None = None
    ) -> list[Encoding]:
        self.texts += [(item.text, len(item.unit_starts)) for item in inputs]
        return super().encode(inputs, lexical_only=lexical_only, deadline=deadline)


@pytest.mark.parametrize("target", [None, 900, 300])
def test_no_text_is_encoded_twice_however_many_forms_are_made(target: int | None) -> None:
    encoder = CountingEncoder()
    chat = [*turns(2), NOTED, {"role": "user", "content": document(8, needle=False) + "\n\nWhich mill is it?"}]
    chat[0] = {"role": "user", "content": document(61)}
    values = {"window_tokens": 900} if target is None else {"target_tokens": target}
    Compressor(encoder, small_tokenizer()).compress_messages(chat, CompressionOptions.parse(values))
    assert len(encoder.texts) == len(set(encoder.texts)) > 2
