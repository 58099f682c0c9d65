"""Which ids stand for the kept ranges of a text."""

from __future__ import annotations

import json
from itertools import accumulate, pairwise

import numpy as np
import pytest
from fakes.encoders import HashEncoder, bytes_tokenizer, small_tokenizer
from fakes.texts import QUESTION, document
from fakes.tiny_models import train_tokenizer
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from semtoken import CompressionOptions, Compressor, ServedTokenizer
from semtoken.bundled import BundledModels
from semtoken.datamodels import IntArray
from semtoken.evaluation.bundled import bundled_demo
from semtoken.realise import KeptTokens, kept_tokens
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

TEXT = document(12)
UNITS = [f"{sentence}. " for sentence in TEXT.split(". ")]
UNITS[-1] = UNITS[-1][:-2]
BOUNDS = list(pairwise(accumulate(map(len, UNITS), initial=0)))
ODD = (
    'Give ".5 mg" (not) [{"a":"x."},{"b":1}],\n\nnever!\n\tTo 山田さん。'
    "他们完成了。\U0001f9d1\u200d\U0001f680\U0001f9d1 né <em>x</em>.  \n"
)


def trained(pre: pre_tokenizers.PreTokenizer, decoder: decoders.Decoder, *, trim: bool = False) -> ServedTokenizer:
    """A tokenizer with many tokens that hold characters of two units; ``trim`` takes the white space out of offsets."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre
    backend.decoder = decoder
    if trim:
        backend.post_processor = processors.ByteLevel(trim_offsets=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator([TEXT, ODD] * 3, trainers.BpeTrainer(vocab_size=5000, initial_alphabet=alphabet))
    # The constructor has no annotations in transformers.
    return ServedTokenizer(PreTrainedTokenizerFast(tokenizer_object=backend))  # type: ignore[no-untyped-call]


def bytewise(*, use_regex: bool = True) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


LOSSLESS = {
    "words": trained(bytewise(), decoders.ByteLevel()),
    "trimmed": trained(bytewise(), decoders.ByteLevel(), trim=True),
    "phrases": trained(
        pre_tokenizers.Sequence([pre_tokenizers.Split("\n", "merged_with_next"), bytewise(use_regex=False)]),
        decoders.ByteLevel(),
    ),
    "lines, trimmed": trained(
        pre_tokenizers.Sequence([pre_tokenizers.Split(". ", "merged_with_previous"), bytewise(use_regex=False)]),
        decoders.ByteLevel(),
        trim=True,
    ),
    "small": small_tokenizer(),
    "tiny": ServedTokenizer(train_tokenizer()),
    "bytes": bytes_tokenizer(),
}
SPACED = trained(pre_tokenizers.Metaspace(prepend_scheme="always"), decoders.Metaspace(prepend_scheme="always"))
"""As of models with a sentencepiece vocabulary: a text by itself begins with a space that it has not got."""


def of(text: str, edges: list[int], tokenizer: ServedTokenizer) -> tuple[KeptTokens, IntArray, str]:
    """The kept tokens of every other stretch between ``edges``, with these and their text."""
    ranges = np.array(edges[: len(edges) // 2 * 2], dtype=np.int64).reshape(-1, 2)
    expected = "".join(text[start:end] for start, end in ranges.tolist())
    return kept_tokens(ranges, tokenizer.tokenize(text), text, tokenizer), ranges, expected


def edges_in(text: str) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, len(text)), unique=True, max_size=24).map(sorted)


texts = st.one_of(st.just(ODD), st.just(TEXT[:200]), st.text(st.sampled_from(ODD), max_size=60), st.text(max_size=30))
cut = texts.flatmap(lambda text: st.tuples(st.just(text), edges_in(text)))


@pytest.mark.parametrize("name", LOSSLESS)
@settings(max_examples=60)
@given(cut)
def test_the_ids_decode_to_the_kept_ranges(name: str, given_: tuple[str, list[int]]) -> None:
    kept, _, expected = of(*given_, LOSSLESS[name])
    assert LOSSLESS[name].decode(kept.ids.tolist()) == expected


@pytest.mark.parametrize("name", LOSSLESS)
@settings(max_examples=60)
@given(cut)
def test_whole_tokens_keep_their_ids_and_places(name: str, given_: tuple[str, list[int]]) -> None:
    text, edges = given_
    tokenized = LOSSLESS[name].tokenize(text)
    kept, ranges, _ = of(text, edges, LOSSLESS[name])
    assert len(kept.ids) == len(kept.places)
    assert (np.diff(kept.places) >= 0).all()
    assert not kept.gone[kept.places].any()
    for start, end in ranges.tolist():
        inside = (tokenized.starts < end) & (tokenized.ends > start)
        assert not kept.gone[inside].any()


@pytest.mark.parametrize("name", ["words", "phrases", "tiny"])
@given(st.data())
def test_ranges_of_whole_tokens_are_the_original_s_ids(name: str, data: st.DataObject) -> None:
    tokenized = LOSSLESS[name].tokenize(TEXT)
    edges = data.draw(st.lists(st.sampled_from([0, *tokenized.ends.tolist()]), unique=True, max_size=20).map(sorted))
    kept, ranges, _ = of(TEXT, edges, LOSSLESS[name])
    inside = [(tokenized.starts >= start) & (tokenized.ends <= end) for start, end in ranges.tolist()]
    stays = np.any(inside, axis=0) if inside else np.zeros(len(tokenized), dtype=np.bool_)
    assert kept.ids.tolist() == tokenized.ids[stays].tolist()
    assert kept.gone.tolist() == (~stays).tolist()


def test_a_word_gets_back_the_space_of_what_went() -> None:
    tokenizer = LOSSLESS["words"]
    (first, end), (start, last) = BOUNDS[0], BOUNDS[2]
    kept, _, expected = of(TEXT, [first, end, start, last], tokenizer)
    # The second sentence's " In" leaves a space, the third's its word: together one token.
    assert kept.ids.tolist() == tokenizer.ids(expected)
    assert [tokenizer.decode([token]) for token in kept.ids.tolist()].count(" ") == 1
    assert expected.endswith(" ")


@given(st.lists(st.booleans(), min_size=len(UNITS), max_size=len(UNITS)))
def test_a_tokenizer_that_puts_a_space_before_a_text_puts_none_at_seams(keep: list[bool]) -> None:
    edges = [edge for bounds, stays in zip(BOUNDS, keep, strict=True) if stays for edge in bounds]
    kept, _, expected = of(TEXT, edges, SPACED)
    assert SPACED.decode(kept.ids.tolist()) == expected


def test_ids_inside_are_those_of_a_text_without_the_space_before_it() -> None:
    assert SPACED.ids("x") != SPACED.ids_inside("x")
    assert SPACED.decode([*SPACED.ids("see"), *SPACED.ids_inside("n")]) == "seen"
    assert LOSSLESS["words"].ids_inside(" the\n\n") == LOSSLESS["words"].ids(" the\n\n")


@pytest.mark.parametrize("blank", ["\n\n", " \t ", "\u3000", "\u2003"])
@pytest.mark.parametrize("name", LOSSLESS)
def test_white_space_stays_with_the_unit_it_ends(name: str, blank: str) -> None:
    text = f"One sentence.{blank}Another sentence.{blank}The last."
    kept, _, _ = of(text, [text.index("Another"), text.index("The last")], LOSSLESS[name])
    assert LOSSLESS[name].decode(kept.ids.tolist()) == f"Another sentence.{blank}"


@pytest.mark.parametrize("inner", [".5 mg of it", "= 5", "(not) safe", '"no"', "-5 C", "never"])
def test_what_keep_tags_pin_is_forwarded_as_it_stands(inner: str) -> None:
    text = f"{document(60)}\n\nGive (<semtoken:keep>{inner}</semtoken:keep>) <semtoken:keep>{inner}</semtoken:keep>."
    for name, tokenizer in LOSSLESS.items():
        options = CompressionOptions(realise="tokens", keep_tags=True, ratio=3)
        result = Compressor(HashEncoder(), tokenizer).compress(text, QUESTION, options)
        assert tokenizer.decode(result.token_ids) == result.text, name
        assert f"({inner}) {inner}" in result.text


@pytest.mark.model
def test_real_ids_are_valid_json_within_the_budget(models: BundledModels) -> None:
    tokenizer = ServedTokenizer.from_pretrained(models.llm)
    compressor = Compressor(HashEncoder(), tokenizer)
    rows = [{"id": n, "name": "Ada", "note": f"Repaired the {('mill', 'bridge')[n % 2]} {n}."} for n in range(60)]
    for text in (json.dumps(rows), json.dumps(rows, separators=(",", ":")), json.dumps({"rows": rows}, indent=2)):
        result = compressor.compress(text, "Which mill?", CompressionOptions(realise="tokens", ratio=3))
        assert tokenizer.decode(result.token_ids) == result.text
        assert json.loads(tokenizer.decode(result.token_ids))
        assert result.compressed_tokens <= round(result.original_tokens / 3)


@pytest.mark.model
def test_real_ids_decode_to_the_new_text(compressor: Compressor) -> None:
    demo = bundled_demo()
    for ratio in (1.5, 2.4, 6.0):
        for text in (demo.document, ODD * 40):
            options = CompressionOptions(realise="tokens", mode="force", ratio=ratio, thin=True)
            result = compressor.compress(text, demo.question, options)
            assert result.text != result.original
            assert compressor.tokenizer.decode(result.token_ids) == result.text


@pytest.mark.model
def test_a_real_tokenizer_s_ids_decode_to_the_kept_ranges(models: BundledModels) -> None:
    tokenizer = ServedTokenizer.from_pretrained(models.llm)

    @given(cut)
    def check(given_: tuple[str, list[int]]) -> None:
        kept, _, expected = of(*given_, tokenizer)
        # Its vocabulary lacks some bytes of rare planes.
        assume(tokenizer.decode(tokenizer.ids(given_[0])) == given_[0])
        assert tokenizer.decode(kept.ids.tolist()) == expected

    check()
