"""What holds for every compression, whatever the text: property tests over an encoder without weights."""

from __future__ import annotations

import pytest
from fakes.encoders import HashEncoder, small_tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from semtoken import (
    CompressionOptions,
    CompressionResult,
    Compressor,
    Decision,
    InvalidInputError,
    InvalidOptionError,
    Reason,
    Status,
)
from semtoken.datamodels import TIMED_STAGES
from semtoken.options import Realisation, Stages

COMPRESSOR = Compressor(HashEncoder(), small_tokenizer())

sentence = st.builds(
    lambda words, end: " ".join(words).capitalize() + end,
    st.lists(
        st.sampled_from(["river", "stone", "light", "42 km", "Anna", "never", "door", "opens the", "in 2026-01-02"]),
        min_size=3,
    ),
    st.sampled_from([". ", "! ", "? ", ".\n\n", ";\n"]),
)
prose = st.lists(sentence, min_size=4, max_size=40).map("".join)
anything = st.one_of(prose, st.text(max_size=400), st.text(alphabet='ab \n.,#-*|{}[]":0', max_size=400))


def check(text: str, result: CompressionResult) -> None:
    tokenizer = COMPRESSOR.tokenizer
    assert result.original == text
    assert result.original_tokens == tokenizer.count(text)
    edges = [0] + [edge for span in result.spans for edge in (span.start, span.end)] + [len(text)]
    assert edges[0::2] == edges[1::2], "spans cover the text without gap or overlap"
    assert all(a < b for a, b in result.kept)
    assert all(b <= c for (_, b), (c, _) in zip(result.kept, result.kept[1:], strict=False))
    assert "".join(text[start:end] for start, end in result.kept) == result.text
    assert set(result.to_dict()["timings_ms"]) == {*TIMED_STAGES, "total"}


@given(anything, st.floats(1.0, 20.0), st.sampled_from(["text", "tokens"]), st.sampled_from([None, "Where is Anna?"]))
@settings(max_examples=200, deadline=None)
def test_offsets_and_budget(text: str, ratio: float, realise: Realisation, query: str | None) -> None:
    result = COMPRESSOR.compress(text, query, CompressionOptions(ratio=ratio, realise=realise))
    check(text, result)
    if result.status is Status.COMPRESSED:
        assert result.compressed_tokens <= max(1, round(result.original_tokens / ratio))
    else:
        assert result.text == text
    if realise == "text":
        assert list(result.token_ids) == COMPRESSOR.tokenizer.ids(result.text)


@given(prose, st.integers(1, 200))
@settings(max_examples=100, deadline=None)
def test_target_tokens_is_an_upper_bound(text: str, target: int) -> None:
    result = COMPRESSOR.compress(text, None, CompressionOptions(target_tokens=target))
    if result.status is Status.COMPRESSED:
        assert result.compressed_tokens <= target
    else:
        assert result.original_tokens <= target or result.reason is Reason.BUDGET_MISSED


@given(prose, st.data())
@settings(max_examples=100, deadline=None)
def test_protected_text_stays_and_a_missed_ratio_is_owned_up_to(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 2))
    wanted = text[start : start + data.draw(st.integers(1, 60))]
    result = COMPRESSOR.compress(text, "Where is the river?", CompressionOptions(ratio=8, protect=(wanted,)))
    check(text, result)
    assert wanted in result.text
    if result.compressed_tokens > round(result.original_tokens / 8):
        assert result.reason is Reason.PINNED_OVER_BUDGET or result.status is Status.SKIPPED


@given(st.lists(prose, min_size=1, max_size=6), st.sampled_from([None, "Which door opens?"]))
@settings(max_examples=60, deadline=None)
def test_a_batch_gives_what_each_text_gives_alone(texts: list[str], query: str | None) -> None:
    together = COMPRESSOR.compress_batch(texts, [query] * len(texts))
    for text, result in zip(texts, together, strict=True):
        alone = COMPRESSOR.compress(text, query)
        assert (alone.text, alone.token_ids, alone.spans) == (result.text, result.token_ids, result.spans)


def story(n: int) -> str:
    return "".join(f"Chapter {k} tells of the {k}th river and of stone number {k * 7}. " for k in range(n))


@pytest.mark.parametrize("ratio", [1.5, 2.4, 4.0, 8.0])
def test_the_ratio_is_met_within_two_points(ratio: float) -> None:
    result = COMPRESSOR.compress(story(120), "Which stone is in chapter 55?", CompressionOptions(ratio=ratio))
    assert abs(result.compressed_tokens / result.original_tokens - 1 / ratio) <= 0.02
    assert result.reason is Reason.OK


def test_the_unit_that_the_query_names_stays() -> None:
    text = story(60) + "The password of the vault is heliotrope. " + story(60)
    result = COMPRESSOR.compress(text, "What is the password of the vault?", CompressionOptions(ratio=8))
    assert "heliotrope" in result.text


def test_repeats_give_way_to_the_one_that_stays() -> None:
    notice = "This message is confidential and intended only for the addressee named above. "
    text = notice + story(20) + notice + story(8) + notice
    result = COMPRESSOR.compress(text, "confidential message", CompressionOptions(ratio=2))
    assert result.text.count(notice.strip()) == 1
    assert Decision.MERGE in {span.decision for span in result.spans}


def test_tags_pin_only_where_the_request_says_so() -> None:
    inner = "An unrelated aside about tulips."
    text = story(40) + f"<semtoken:keep>{inner}</semtoken:keep> " + story(40)
    pinned = COMPRESSOR.compress(text, "river", CompressionOptions(ratio=8, keep_tags=True))
    assert inner in pinned.text
    assert "semtoken:keep" not in pinned.text
    check(text, pinned)
    plain = COMPRESSOR.compress(text, "river", CompressionOptions(ratio=8))
    assert not any(span.decision is Decision.PINNED for span in plain.spans)


def test_thinning_cuts_inside_units_but_never_inside_atoms() -> None:
    text = "".join(
        f"On 2026-01-{d:02d} the old ferry carried {d * 3} km of rope for Anna and her men. " for d in range(1, 29)
    )
    result = COMPRESSOR.compress(text, None, CompressionOptions(ratio=2, thin=True))
    thinned = [span for span in result.spans if span.decision is Decision.THIN]
    assert thinned
    check(text, result)
    for span in thinned:
        left = "".join(
            text[max(a, span.start) : min(b, span.end)] for a, b in result.kept if a < span.end and b > span.start
        )
        assert 0 < len(left) < span.end - span.start
        assert "2026-01-" in left


@pytest.mark.parametrize("stage", ["encode", "cluster", "density", "relevance", "recency"])
def test_every_stage_can_be_switched_off_and_matters(stage: str) -> None:
    notice = "This notice about rivers repeats itself word for word in this text. "
    text = notice + story(30) + notice + story(30)
    full = COMPRESSOR.compress(text, "stone in chapter 7" if stage != "density" else None)
    without = COMPRESSOR.compress(
        text,
        "stone in chapter 7" if stage != "density" else None,
        CompressionOptions(stages=Stages(**{stage: False})),
    )
    check(text, without)
    assert [s.to_dict() for s in full.spans] != [s.to_dict() for s in without.spans] or stage == "recency"


@pytest.mark.parametrize("text", ["", " ", "\n\n", "a", "\u200f\u0301\u0301", "\x00\x01\x02" * 50])
def test_odd_texts_come_through(text: str) -> None:
    check(text, COMPRESSOR.compress(text, "why?"))


def test_lone_surrogates_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="surrogate"):
        COMPRESSOR.compress("half a pair: \ud83d", None)


def test_two_megabytes_of_one_line_are_compressed() -> None:
    text = "lorem ipsum dolor " * 110_000
    result = COMPRESSOR.compress(text, "dolor")
    assert result.status is Status.COMPRESSED
    assert result.compressed_tokens <= round(result.original_tokens / 2.4)


def test_as_many_queries_as_texts() -> None:
    with pytest.raises(InvalidInputError, match="2 texts, but 1 queries"):
        COMPRESSOR.compress_batch(["a", "b"], ["q"])


def test_off_is_told_apart_and_takes_keep_tags_out() -> None:
    tagged = "One. <semtoken:keep>Two.</semtoken:keep> Three."
    result = COMPRESSOR.compress(tagged, None, CompressionOptions(mode="off", keep_tags=True))
    assert (result.status, result.reason, result.text) == (Status.OFF, Reason.MODE_OFF, "One. Two. Three.")
    check(tagged, result)
    plain = COMPRESSOR.compress(tagged, None, CompressionOptions(mode="off"))
    assert plain.text == tagged


def test_keep_tags_go_where_nothing_needs_to() -> None:
    tagged = "One. <semtoken:keep>Two.</semtoken:keep> Three."
    result = COMPRESSOR.compress(tagged, None, CompressionOptions(ratio=1.0, keep_tags=True))
    assert (result.status, result.text) == (Status.SKIPPED, "One. Two. Three.")
    check(tagged, result)


def test_target_tokens_binds_a_short_prompt() -> None:
    prompt = f"{story(20)}\n\nWhich stone is in chapter 5?"
    tokens = COMPRESSOR.tokenizer.count(prompt)
    short = CompressionOptions(min_tokens=tokens + 1)
    assert COMPRESSOR.compress_prompt(prompt, short).reason is Reason.TOO_SHORT
    result = COMPRESSOR.compress_prompt(prompt, short.model_copy(update={"target_tokens": 150}))
    assert 0 < result.compressed_tokens <= 150


@pytest.mark.parametrize(
    ("name", "value"),
    [("ratio", "2.4"), ("ratio", True), ("target_tokens", 20.0), ("target_tokens", True), ("keep_tags", 1)],
)
def test_options_are_not_read_from_values_of_another_type(name: str, value: object) -> None:
    with pytest.raises(InvalidOptionError, match=name) as caught:
        CompressionOptions.parse({name: value})
    assert caught.value.param == name
