"""The real encoder: a document's form does not depend on what else is in the batch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from fakes.stores import Events
from semtoken import CompressionResult, Compressor
from semtoken.bundled import BundledModels
from semtoken.caching import MemoryStore, WindowCache
from semtoken.encoders import EncoderInput
from semtoken.encoders.transformer import TransformerEncoder
from semtoken.evaluation.bundled import bundled_texts

pytestmark = pytest.mark.model

DOCUMENTS = 500
QUERY = "Who spoke about the cost of scanning pages?"


def documents() -> list[str]:
    """Pieces of 200 to 1,400 characters out of the bundled texts."""

    def pieces() -> Iterator[str]:
        sizes = itertools.cycle(range(200, 1400, 61))
        for text in bundled_texts():
            start = 0
            while start < len(text):
                size = next(sizes)
                yield text[start : start + size]
                start += size

    whole = list(pieces())
    return [whole[i % len(whole)] + f" ({i})" for i in range(DOCUMENTS)]


def forms(results: list[CompressionResult]) -> list[tuple[object, ...]]:
    return [(r.text, r.token_ids, r.spans) for r in results]


def test_500_documents_alone_and_in_batches_come_out_identical(compressor: Compressor) -> None:
    texts = documents()
    alone = forms([compressor.compress(text, QUERY) for text in texts])
    assert len({text for text, _, _ in alone}) > DOCUMENTS / 2
    for size in (8, 32):
        batched = []
        for start in range(0, len(texts), size):
            batch = texts[start : start + size]
            batched += compressor.compress_batch(batch, [QUERY] * len(batch))
        assert forms(batched) == alone


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_vectors_are_equal_to_the_last_bit_wherever_they_stand_in_a_tile(models: BundledModels, runtime: str) -> None:
    encoder = TransformerEncoder.from_pretrained(models.encoder, device="cpu", runtime=runtime)
    inputs = [EncoderInput(text, np.zeros(1, dtype=np.int64)) for text in documents()[:12]]
    together = encoder.encode(inputs)
    backwards = encoder.encode(inputs[::-1])[::-1]
    for item, one, other in zip(inputs, together, backwards, strict=True):
        [alone] = encoder.encode([item])
        np.testing.assert_array_equal(one.vectors, other.vectors)
        np.testing.assert_array_equal(one.vectors, alone.vectors)


def test_a_growing_chat_comes_out_the_same_with_a_cache(models: BundledModels, compressor: Compressor) -> None:
    events = Events()
    cache = WindowCache(MemoryStore(2**26, events), events)
    cached = Compressor.from_pretrained(models.encoder, models.llm, "cpu", cache=cache)
    chat: list[dict[str, str]] = []
    for turn, text in enumerate(bundled_texts()[:3]):
        chat += [{"role": "user", "content": f"{text[:6000]}\n\n{QUERY} {turn}"}]
        one, other = cached.compress_messages(chat), compressor.compress_messages(chat)
        assert one.messages == other.messages
        counted = events.taken()
        assert (counted.get("hit", 0) > 0) == (turn > 0)
        chat += [{"role": "assistant", "content": "Nobody did."}]


def test_the_fingerprint_is_stable(models: BundledModels) -> None:
    one, two = (TransformerEncoder.from_pretrained(models.encoder, device="cpu") for _ in range(2))
    assert one.fingerprint == two.fingerprint
