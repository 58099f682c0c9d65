"""Which tokens stand for the kept ranges of a text."""

from __future__ import annotations

from itertools import accumulate, pairwise

import numpy as np
import pytest
from fakes.texts import document
from hypothesis import given
from hypothesis import strategies as st
from semtoken import CompressionOptions, Compressor, ServedTokenizer
from semtoken.evaluation.bundled import bundled_demo
from semtoken.realise import kept_tokens
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from tokenizers.decoders import ByteLevel
from transformers import PreTrainedTokenizerFast

TEXT = document(12)
UNITS = [f"{sentence}. " for sentence in TEXT.split(". ")]
UNITS[-1] = UNITS[-1][:-2]
BOUNDS = list(pairwise(accumulate(map(len, UNITS), initial=0)))


def whole_words(text: str) -> ServedTokenizer:
    """A tokenizer with a token for each word of ``text`` and the space before it, whose offsets count that space."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = ByteLevel()
    backend.train_from_iterator([text] * 3, trainers.BpeTrainer(vocab_size=5000))
    # The constructor has no annotations in transformers.
    return ServedTokenizer(PreTrainedTokenizerFast(tokenizer_object=backend))  # type: ignore[no-untyped-call]


WORDS = whole_words(TEXT)


@given(st.lists(st.booleans(), min_size=len(UNITS), max_size=len(UNITS)))
def test_every_kept_word_and_no_other_is_forwarded(keep: list[bool]) -> None:
    tokenized = WORDS.tokenize(TEXT)
    ranges = np.array([bounds for bounds, stays in zip(BOUNDS, keep, strict=True) if stays], dtype=np.int64)
    kept = tokenized.ids[kept_tokens(ranges.reshape(-1, 2), tokenized, TEXT)]
    expected = "".join(unit for unit, stays in zip(UNITS, keep, strict=True) if stays)
    assert WORDS.decode(kept.tolist()).split() == expected.split()


@pytest.mark.parametrize("blank", ["\n\n", " \t ", "\u3000", "\u2003"])
def test_white_space_stays_with_the_unit_it_ends(blank: str) -> None:
    text = f"One sentence.{blank}Another sentence.{blank}The last."
    tokenizer = whole_words(text)
    tokenized = tokenizer.tokenize(text)
    start = text.index("Another")
    ranges = np.array([(start, text.index("The last"))], dtype=np.int64)
    kept = tokenized.ids[kept_tokens(ranges, tokenized, text)].tolist()
    assert tokenizer.decode(kept).split() == ["Another", "sentence."]


@pytest.mark.model
def test_the_ids_of_a_real_text_have_its_new_text_s_words(compressor: Compressor) -> None:
    demo = bundled_demo()
    for ratio in (1.5, 2.4, 6.0):
        options = CompressionOptions(realise="tokens", mode="force", ratio=ratio)
        result = compressor.compress(demo.document, demo.question, options)
        assert result.text != result.original
        assert compressor.tokenizer.decode(result.token_ids).split() == result.text.split()
