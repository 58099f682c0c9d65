"""Merged vectors: how many, of what, and what the result says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fakes.encoders import HashEncoder
from fakes.texts import chat, document, rag
from fakes.tiny_models import make_llama, train_tokenizer
from hypothesis import given
from hypothesis import strategies as st
from semtoken import CompressionOptions, Compressor, InvalidOptionError, ServedTokenizer
from semtoken.datamodels import Decision
from semtoken.realise import Embedder, KeptTokens
from semtoken.realise.merging import MERGES, MergeName

EMBEDS = CompressionOptions(realise="embeds", mode="force")
TOKENS = CompressionOptions(realise="tokens", mode="force")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("llama")
    make_llama().save_pretrained(folder)
    return folder


def compressor(embedder: Embedder) -> Compressor:
    return Compressor(HashEncoder(), ServedTokenizer(train_tokenizer()), embedder)


def test_with_nothing_merged_the_vectors_are_those_of_the_ids(model: Path) -> None:
    short = compressor(Embedder(model, share=0.0))
    result = short.compress(document(), options=EMBEDS)
    as_ids = short.compress(document(), options=TOKENS)
    assert result.token_ids == as_ids.token_ids
    assert result.text == as_ids.text
    assert result.embeds is not None
    assert np.array_equal(result.embeds, short.embed(as_ids.token_ids))


@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize("ratio", [1.3, 2.4, 8.0, 20.0])
def test_kept_and_merged_vectors_are_within_the_budget(merge: MergeName, ratio: float, model: Path) -> None:
    short = compressor(Embedder(model, merge=merge, share=0.1))
    options = EMBEDS.model_copy(update={"ratio": ratio})
    result = short.compress(document(200), options=options)
    assert result.embeds is not None
    assert result.embeds.shape == (len(result.token_ids), 32)
    assert len(result.embeds) <= round(result.original_tokens / ratio)
    assert len(result.embeds) > short.tokenizer.count(result.text)


def test_merged_spans_are_told_apart_from_dropped_ones(model: Path) -> None:
    result = compressor(Embedder(model, share=0.05, shortest=40)).compress(document(), options=EMBEDS)
    by_decision = {decision: [s for s in result.spans if s.decision is decision] for decision in Decision}
    assert by_decision[Decision.MERGE]
    assert "".join(document()[s.start : s.end] for s in by_decision[Decision.KEEP]) in result.text
    assert [s.start for s in result.spans] == [0, *(s.end for s in result.spans[:-1])]


@given(
    st.lists(st.booleans(), min_size=1, max_size=300),
    st.integers(0, 300),
    st.sampled_from([0.0, 0.1, 0.5, 0.9]),
    st.integers(1, 20),
)
def test_stretches_hold_only_dropped_tokens(kept: list[bool], budget: int, share: float, shortest: int) -> None:
    embedder = _Indexed(share, shortest)
    mask = np.array(kept)
    places = np.flatnonzero(mask)
    embedded = embedder.realise(np.arange(len(kept)), KeptTokens(places, places, ~mask), budget)
    covered = [at for first, end in embedded.stretches.tolist() for at in range(first, end)]
    assert len(covered) == len(set(covered))
    assert not mask[covered].any()
    assert all(end - first >= shortest for first, end in embedded.stretches.tolist())
    assert len(embedded.stretches) <= max(0, min(int(share * budget), budget - sum(kept)))
    assert len(embedded.vectors) == len(embedded.token_ids) == sum(kept) + len(embedded.stretches)
    # In the order of the text, each vector at the place of its own tokens.
    assert list(embedded.token_ids) == sorted(embedded.token_ids)


class _Indexed(Embedder):
    """A table whose every row is its own number."""

    def __init__(self, share: float, shortest: int) -> None:
        super().__init__(None, merge="rarest", share=share, shortest=shortest)

    @property
    def table(self) -> _Numbers:  # type: ignore[override]
        return _Numbers()


class _Numbers:
    def rows(self, ids: list[int]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        return np.array(ids, dtype=np.float32).reshape(-1, 1)

    def rounded(
        self, vectors: np.ndarray[tuple[int, int], np.dtype[np.float32]]
    ) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        return vectors


def test_merges() -> None:
    vectors = np.array([[3.0, 0.0], [0.0, 3.0], [1.0, 1.0]], dtype=np.float32)
    rarity = np.array([1.0, 2.0, 0.5], dtype=np.float32)
    made = {name: merge.merge(vectors, rarity) for name, merge in MERGES.items()}
    assert made["mean"] == pytest.approx([4 / 3, 4 / 3])
    assert np.linalg.norm(made["norm-preserving"]) == pytest.approx(np.linalg.norm(vectors, axis=1).mean())
    assert made["norm-preserving"][0] == pytest.approx(made["norm-preserving"][1])
    assert made["representative"].tolist() == [1.0, 1.0]
    assert made["rarest"].tolist() == [0.0, 3.0]


@pytest.mark.parametrize("name", MERGES)
def test_the_merge_of_equal_tokens_is_that_token(name: MergeName) -> None:
    vector = np.array([0.5, -2.0, 4.0], dtype=np.float32)
    assert MERGES[name].merge(np.tile(vector, (5, 1)), np.ones(5, dtype=np.float32)) == pytest.approx(vector)


def test_without_the_served_model_the_option_is_refused() -> None:
    with pytest.raises(InvalidOptionError, match="folder of the served model") as caught:
        compressor(Embedder(None)).compress(document(), options=EMBEDS)
    assert caught.value.param == "realise"


def test_a_model_that_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOptionError, match="no model in") as caught:
        compressor(Embedder(tmp_path)).compress(document(), options=EMBEDS)
    assert caught.value.param == "realise"


def test_a_chat_counts_the_vectors_that_are_forwarded(model: Path) -> None:
    short = compressor(Embedder(model))
    messages = chat(rag(200))["messages"]
    form = short.compress_messages(messages, EMBEDS)
    vectors = form.parts[0].embedded
    assert vectors is not None
    around = short.tokenizer.count_messages([{"role": "user", "content": ""}])
    assert form.forwarded_tokens == around + len(vectors)


def test_what_was_merged_is_recalled_word_for_word(model: Path) -> None:
    short = compressor(Embedder(model, share=0.3, shortest=4))
    first = rag(200)
    told = short.compress_messages(chat(first)["messages"], EMBEDS).parts[0].result
    merged = [first[s.start : s.end].strip() for s in told.spans if s.decision is Decision.MERGE]
    wanted = next(sentence for sentence in merged if sentence.startswith("In the year"))
    messages = chat(first, "Yes.", f"Who was it who in the {wanted.removeprefix('In the ').rstrip('.')}?")["messages"]
    form = short.compress_messages(messages, EMBEDS)
    assert wanted not in str(form.messages[0]["content"])
    assert wanted in str(form.messages[2]["content"])
    assert form.parts[-1].recalled
    assert form.parts[-1].embedded is None
