"""Chats: turn-causality, recall, what is left alone, and targets."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from fakes.encoders import HashEncoder, small_tokenizer
from fakes.texts import document
from hypothesis import given, settings
from hypothesis import strategies as st
from semtoken import CompressionOptions, Compressor, InvalidInputError, Reason, Status
from semtoken.datamodels import Decision

COMPRESSOR = Compressor(HashEncoder(), small_tokenizer())
QUICK = CompressionOptions(min_tokens=64)
Message = dict[str, Any]

NAMES = ("Anna", "Boris", "Clara", "David", "Erika", "Fahim", "Grete", "Hanna", "Igor", "Jana")


def report(seed: int, n: int = 40) -> str:
    return "".join(
        f"{NAMES[(k + seed) % 10]} stored crate {k * 13 + seed} in hall {k % 7} near the {k}th river gate. "
        for k in range(n)
    )


documents = st.builds(report, st.integers(0, 50), st.integers(5, 30))
questions = st.sampled_from(
    ["Where did Anna store crate 39?", "Who stored crate 130?", "Thanks!", "Summarise the report.", "Go on."]
)
user = st.builds(lambda d, q: [{"role": "user", "content": f"{d}\n\n{q}"}], documents, questions)
split_user = st.builds(
    lambda d, q: [{"role": "user", "content": d}, {"role": "user", "content": [{"type": "text", "text": q}]}],
    documents,
    questions,
)
asked = st.builds(lambda q: [{"role": "user", "content": q}], questions)
assistant = st.builds(lambda d: [{"role": "assistant", "content": d[:300]}], documents)
# Calls of several turns have one id, as those of clients that number them anew in every turn.
tool = st.builds(
    lambda d, crate: [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "crates", "arguments": json.dumps({"id": crate})}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": d},
    ],
    documents,
    st.integers(0, 400),
)
chats = st.lists(st.one_of(user, split_user, asked, assistant, tool), min_size=1, max_size=6).map(
    lambda groups: [{"role": "system", "content": "Be brief."}, *itertools.chain.from_iterable(groups)]
)


@given(chats, st.sampled_from(["turn", "document"]), st.sampled_from(["auto", "force"]))
@settings(max_examples=80, deadline=None)
def test_appending_a_message_of_another_role_never_changes_an_earlier_form(
    chat: list[Message], stability: str, mode: str
) -> None:
    options = CompressionOptions.parse({"min_tokens": 64, "stability": stability, "mode": mode})
    whole = COMPRESSOR.compress_messages(chat, options).messages
    for end in range(1, len(chat)):
        if chat[end]["role"] == chat[end - 1]["role"]:
            continue
        prefix = COMPRESSOR.compress_messages(chat[:end], options).messages
        assert prefix == whole[:end]


@given(chats)
@settings(max_examples=60, deadline=None)
def test_only_user_and_tool_texts_change_and_every_question_stays(chat: list[Message]) -> None:
    result = COMPRESSOR.compress_messages(chat, QUICK)
    assert len(result.messages) == len(chat)
    for before, after in zip(chat, result.messages, strict=True):
        assert {k: v for k, v in before.items() if k != "content"} == {k: v for k, v in after.items() if k != "content"}
        if before["role"] in ("system", "assistant"):
            assert before == after
        if before["role"] == "user" and isinstance(before["content"], str):
            question = before["content"].rsplit("\n\n", 1)[-1]
            if len(question) < 80:
                assert after["content"].endswith(question)
    assert chat == json.loads(json.dumps(chat)), "the caller's messages are not written to"


def test_counts_are_those_of_the_rendered_chat() -> None:
    chat = [{"role": "user", "content": report(1) + "\n\nWho stored crate 131?"}]
    result = COMPRESSOR.compress_messages(chat, QUICK)
    assert result.status is Status.COMPRESSED
    assert result.original_tokens == COMPRESSOR.tokenizer.count_messages(chat)
    assert result.forwarded_tokens == COMPRESSOR.tokenizer.count_messages(result.messages)
    assert result.forwarded_tokens < result.original_tokens / 2


def ask_later(question: str, **options: Any) -> tuple[str, str]:
    secret = "The vault of the harbour master opens with the word heliotrope. "
    document = report(3, 30) + secret + report(7, 30)
    chat = [
        {"role": "user", "content": document + "\n\nWhere did Clara store crate 42?"},
        {"role": "assistant", "content": "In hall 0."},
        {"role": "user", "content": question},
    ]
    values = {"min_tokens": 64, "ratio": 6, **options}
    messages = COMPRESSOR.compress_messages(chat, CompressionOptions.parse(values)).messages
    return messages[0]["content"], messages[2]["content"]


def test_recall_brings_back_what_a_later_question_needs() -> None:
    question = "With which word does the vault of the harbour master open?"
    first, second = ask_later(question)
    assert "heliotrope" not in first
    assert "opens with the word heliotrope." in second
    assert second.endswith(question)


@pytest.mark.parametrize("words", ["metric units", "<semtoken:keep>metric units</semtoken:keep>"])
def test_what_is_recalled_into_a_short_message_stands_before_the_paragraph_that_asks(words: str) -> None:
    question = "Question: With which word does the vault of the harbour master open?"
    text = f"Always use {words} and never guess.\n\n{question}"
    second = ask_later(text, keep_tags=True, min_tokens=128)[1]
    before, found, after = second.partition("The vault of the harbour master opens with the word heliotrope.")
    assert found
    assert before.startswith("Always use metric units and never guess.\n\n")
    assert after.endswith("\n\n" + question)


def test_small_talk_recalls_nothing() -> None:
    assert ask_later("Thank you so much!")[1] == "Thank you so much!"


def test_a_whole_text_request_gets_the_earlier_text_whole() -> None:
    _, second = ask_later("Translate the text above into German.")
    assert report(3, 30) in second
    assert second.endswith("Translate the text above into German.")


def test_a_document_form_is_the_same_for_every_question() -> None:
    forms = set()
    for question in ("Who stored crate 133?", "Where did Igor store crate 55?"):
        chat = [{"role": "user", "content": report(3, 60)}, {"role": "user", "content": question}]
        options = CompressionOptions(min_tokens=64, stability="document")
        result = COMPRESSOR.compress_messages(chat, options)
        forms.add(result.messages[0]["content"])
        assert result.messages[1]["content"].endswith(question)
    assert len(forms) == 1


def test_the_result_of_a_tool_is_read_for_the_question_and_the_call() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "lookup", "arguments": '{"crate": 338}'}}
    chat: list[Message] = [
        {"role": "user", "content": "Find the crate that I asked for."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": report(0, 60)},
    ]
    result = COMPRESSOR.compress_messages(chat, CompressionOptions(min_tokens=64, ratio=8))
    assert "crate 338 " in result.messages[2]["content"]
    assert result.parts[-1].query is not None
    assert "338" in result.parts[-1].query


def test_a_result_is_read_for_the_last_call_of_its_id_before_it() -> None:
    chat: list[Message] = [{"role": "user", "content": "Find the crates that I asked for."}]
    for crate in (338, 52):
        call = {
            "id": "call_0",
            "type": "function",
            "function": {"name": "lookup", "arguments": f'{{"crate": {crate}}}'},
        }
        chat += [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_0", "content": report(0, 60)},
        ]
    queries = [part.query or "" for part in COMPRESSOR.compress_messages(chat, QUICK).parts if part.message in (2, 4)]
    assert [("338" in query, "52" in query) for query in queries] == [(True, False), (False, True)]


def test_what_an_earlier_message_says_verbatim_is_not_said_again() -> None:
    notice = "All crates are property of the harbour and may be opened only by the master himself. "
    chat = [
        {"role": "user", "content": notice + report(1, 12) + "\n\nWho may open the crates of the harbour?"},
        {"role": "assistant", "content": "The master."},
        {"role": "user", "content": report(2, 12) + notice + "\n\nWho may open the crates of the harbour?"},
    ]
    first, _, third = (m["content"] for m in COMPRESSOR.compress_messages(chat, QUICK).messages)
    assert notice.strip() in first
    assert notice.strip() not in third


@pytest.mark.parametrize(
    ("chat", "options", "reason"),
    [
        ([{"role": "user", "content": "Hi"}], {}, Reason.TOO_SHORT),
        ([{"role": "user", "content": report(1) + "\n\nTranslate this into French."}], {}, Reason.WHOLE_TEXT_TASK),
        ([{"role": "user", "content": report(1)}], {"mode": "off"}, Reason.MODE_OFF),
        ([{"role": "user", "content": report(1)}], {"roles": ("tool",)}, Reason.ROLE_EXCLUDED),
        ([{"role": "system", "content": report(1)}], {}, Reason.NOTHING_TO_COMPRESS),
        ([{"role": "user", "content": report(1)}], {"ratio": 1.0}, Reason.RATIO_ONE),
    ],
)
def test_what_is_left_alone_says_why(chat: list[Message], options: Message, reason: Reason) -> None:
    result = COMPRESSOR.compress_messages(chat, CompressionOptions.parse({"min_tokens": 64, **options}))
    assert list(result.messages) == chat
    assert result.reason is reason
    assert result.status is (Status.OFF if reason is Reason.MODE_OFF else Status.SKIPPED)
    assert result.original_tokens == result.forwarded_tokens


def test_force_compresses_what_auto_leaves_alone() -> None:
    chat = [{"role": "user", "content": report(1) + "\n\nTranslate this into French."}]
    result = COMPRESSOR.compress_messages(chat, CompressionOptions(mode="force"))
    assert result.status is Status.COMPRESSED
    assert result.messages[0]["content"].endswith("Translate this into French.")


@pytest.mark.parametrize("target", [2000, 900, 500])
def test_target_tokens_bounds_the_whole_chat(target: int) -> None:
    chat = [
        {"role": "user", "content": report(1, 60) + "\n\nWho stored crate 131?"},
        {"role": "assistant", "content": "Jana."},
        {"role": "user", "content": report(2, 60) + "\n\nWho stored crate 132?"},
    ]
    result = COMPRESSOR.compress_messages(chat, CompressionOptions(target_tokens=target, min_tokens=64))
    assert result.forwarded_tokens <= target
    assert result.prefix_breaks == ("target_tokens",)


def test_a_target_out_of_reach_says_so() -> None:
    chat = [{"role": "user", "content": report(1) + "\n\nWho stored crate 131?"}]
    result = COMPRESSOR.compress_messages(chat, CompressionOptions(target_tokens=5, min_tokens=64))
    assert result.reason is Reason.TARGET_MISSED


def test_images_and_other_parts_are_untouched() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    chat = [
        {
            "role": "user",
            "content": [{"type": "text", "text": report(1)}, image, {"type": "text", "text": "Who is Anna?"}],
        }
    ]
    content = COMPRESSOR.compress_messages(chat, QUICK).messages[0]["content"]
    assert content[1] == image
    assert content[2]["text"] == "Who is Anna?"
    assert len(content[0]["text"]) < len(report(1)) / 2


@pytest.mark.parametrize(
    "message", [{"content": "x"}, {"role": 3, "content": "x"}, {"role": "user", "content": 7}, "x"]
)
def test_a_malformed_message_is_named(message: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"messages\[1\]"):
        COMPRESSOR.compress_messages([{"role": "system", "content": "s"}, message])


def test_what_a_prompt_s_question_gets_back_of_its_document_is_told() -> None:
    prompt = document(80) + "\n\nQuestion: Which tunnel did Dilara measure near the library number 27?"
    options = CompressionOptions(ratio=8, stability="document", min_tokens=64)
    result = COMPRESSOR.compress_prompt(prompt, options)
    assert result.ratio < 7
    assert result.reason is Reason.BUDGET_MISSED
    for span in result.spans:
        words = prompt[span.start : span.end].strip()
        if words:
            assert (words in result.text) == (span.decision in (Decision.KEEP, Decision.PINNED))
            assert (words in result.text) == any(
                start < span.end and span.start < end and prompt[max(start, span.start) : min(end, span.end)].strip()
                for start, end in result.kept
            )
    assert all(a[1] <= b[0] for a, b in zip(result.kept, result.kept[1:], strict=False))
    chat = COMPRESSOR.compress_messages([{"role": "user", "content": prompt}], options)
    assert chat.reason is Reason.BUDGET_MISSED
    plain = COMPRESSOR.compress_prompt(prompt, options.model_copy(update={"query": ""}))
    assert plain.reason is Reason.OK
    bound = COMPRESSOR.compress_prompt(prompt, options.model_copy(update={"target_tokens": 500}))
    assert (bound.reason, bound.compressed_tokens <= 500) == (Reason.OK, True)


def test_a_prompt_keeps_its_question_and_its_ids_are_its_text() -> None:
    prompt = report(4, 60) + "\n\nQuestion: Who stored crate 134?\nAnswer:"
    for realise in ("text", "tokens"):
        result = COMPRESSOR.compress_prompt(prompt, CompressionOptions.parse({"realise": realise, "ratio": 4}))
        assert result.status is Status.COMPRESSED
        assert result.text.endswith("Question: Who stored crate 134?\nAnswer:")
        assert COMPRESSOR.tokenizer.decode(result.token_ids).endswith("Question: Who stored crate 134?\nAnswer:")
        assert result.compressed_tokens <= round(result.original_tokens / 4)


TAGGED = "Mind <semtoken:keep>crate 39</semtoken:keep> and <semtoken:keep>hall 2</semtoken:keep>."
UNTAGGED = "Mind crate 39 and hall 2."


@pytest.mark.parametrize(
    ("values", "status"),
    [({}, Status.SKIPPED), ({"mode": "off"}, Status.OFF), ({"target_tokens": 5000}, Status.SKIPPED)],
    ids=["too short", "off", "within target"],
)
@pytest.mark.parametrize("role", ["system", "user", "assistant"])
def test_keep_tags_go_also_from_what_is_left_alone(values: dict[str, Any], status: Status, role: str) -> None:
    chat: list[Message] = [
        {"role": role, "content": TAGGED},
        {"role": "user", "content": [{"type": "text", "text": TAGGED}]},
    ]
    result = COMPRESSOR.compress_messages(chat, CompressionOptions(keep_tags=True, **values))
    assert result.messages == (
        {"role": role, "content": UNTAGGED},
        {"role": "user", "content": [{"type": "text", "text": UNTAGGED}]},
    )
    assert result.status is status
    assert result.forwarded_tokens == COMPRESSOR.tokenizer.count_messages(result.messages)
    kept = result.messages == COMPRESSOR.compress_messages(chat, CompressionOptions(**values)).messages
    assert not kept, "without the option tags are text"


@given(st.lists(documents, min_size=1, max_size=3), st.integers(40, 400))
@settings(max_examples=40, deadline=None)
def test_target_tokens_also_binds_chats_of_short_messages(texts: list[str], target: int) -> None:
    chat = [message for text in texts for message in ({"role": "user", "content": text}, SHORT_ANSWER)]
    result = COMPRESSOR.compress_messages(chat, CompressionOptions(target_tokens=target))
    assert result.forwarded_tokens <= target or result.reason is Reason.TARGET_MISSED
    if result.reason is Reason.TARGET_MISSED:
        # All that is left is pinned: a short message is a question, and small budgets hold one unit.
        pinned = [part.result for part in result.parts if part.result.reason is Reason.PINNED_OVER_BUDGET]
        assert sum(form.compressed_tokens for form in pinned) + 120 * len(chat) > target


SHORT_ANSWER = {"role": "assistant", "content": "Noted."}
