"""What holds of every encoder, whatever its kind, over small ones without real weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from fakes.encoders import small_tokenizer
from fakes.tiny_models import make_encoder, make_static_encoder
from semtoken import CompressionOptions, Compressor, Deadline, DeadlineExceededError, InvalidInputError
from semtoken.datamodels import Encoding
from semtoken.encoders import Encoder, EncoderInput

TEXTS = [
    "The mill stands by the river. It was built in 1821.",
    "",
    "Of ducks: none, in the end! 🦆",
    "\n\n  ",
    "The river " * 300,
]


@pytest.fixture(params=[make_encoder, make_static_encoder], ids=["transformer", "static"])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    make: Callable[[], Encoder] = request.param
    return make()


def units(text: str) -> EncoderInput:
    """The text in units of 20 characters."""
    return EncoderInput(text, np.arange(0, max(1, len(text)), 20, dtype=np.int64))


def same(one: Encoding, other: Encoding) -> bool:
    parts = ("vectors", "token_ids", "token_starts", "token_ends", "bounds", "units")
    return all(np.array_equal(getattr(one, part), getattr(other, part)) for part in parts)


def test_tokens_stand_where_they_say_and_belong_to_their_units(encoder: Encoder) -> None:
    for text, found in zip(TEXTS, encoder.encode([units(text) for text in TEXTS]), strict=True):
        starts = units(text).unit_starts
        tokens = len(found.token_ids)
        assert len(found.vectors) == len(found.token_starts) == len(found.token_ends) == tokens
        assert (found.bounds[-1], len(found.bounds)) == (tokens, len(starts) + 1)
        owner = np.repeat(np.arange(len(starts)), np.diff(found.bounds))
        assert np.array_equal(owner, np.searchsorted(starts, found.token_starts, side="right") - 1)
        assert all(text[a:b].strip() for a, b in zip(found.token_starts, found.token_ends, strict=True))


def test_unit_vectors_are_of_length_one_and_zero_without_a_token(encoder: Encoder) -> None:
    for found in encoder.encode([units(text) for text in TEXTS]):
        lengths = np.linalg.norm(found.units, axis=1)
        np.testing.assert_allclose(lengths, (np.diff(found.bounds) > 0).astype(float), atol=1e-5)
        assert found.units.shape[1] == found.vectors.shape[1]


def test_no_bit_depends_on_the_batch(encoder: Encoder) -> None:
    inputs = [units(text) for text in TEXTS]
    together = encoder.encode(inputs)
    backwards = encoder.encode(inputs[::-1])[::-1]
    for item, one, other in zip(inputs, together, backwards, strict=True):
        assert same(one, other)
        assert same(one, encoder.encode([item])[0])


def test_without_vectors_the_tokens_are_the_same(encoder: Encoder) -> None:
    [whole] = encoder.encode([units(TEXTS[0])])
    [lexical] = encoder.encode([units(TEXTS[0])], lexical_only=True)
    assert np.array_equal(lexical.token_ids, whole.token_ids)
    assert np.array_equal(lexical.bounds, whole.bounds)
    assert whole.vectors.any()
    assert not lexical.vectors.any()
    assert not lexical.units.any()


def test_a_deadline_that_is_over_is_kept(encoder: Encoder) -> None:
    deadline = Deadline.after(60)
    encoder.encode([units(TEXTS[0])], deadline=deadline)
    deadline.cancel()
    with pytest.raises(DeadlineExceededError):
        encoder.encode([units(TEXTS[0])], deadline=deadline)


def test_lone_surrogates_are_refused(encoder: Encoder) -> None:
    with pytest.raises(InvalidInputError, match="surrogates"):
        encoder.encode([units("a \ud800 b")])


def test_the_fingerprint_is_stable_and_tells_encoders_apart() -> None:
    assert make_encoder().fingerprint == make_encoder().fingerprint
    assert make_static_encoder().fingerprint == make_static_encoder().fingerprint
    assert make_encoder().fingerprint != make_static_encoder().fingerprint


def test_the_whole_pipeline_keeps_a_needle(encoder: Encoder) -> None:
    needle = "The password of the vault is heliotrope. "
    text = "Ducks live there in the reeds. " * 20 + needle + "Of stones there are many here. " * 20
    compressor = Compressor(encoder, small_tokenizer())
    result = compressor.compress(text, "What is the password of the vault?", CompressionOptions(ratio=4))
    assert needle.strip() in result.text
    assert result.compressed_tokens <= result.original_tokens / 4 + 1
