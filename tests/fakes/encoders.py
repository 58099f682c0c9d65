"""An encoder and a tokenizer without weights, for tests that need many runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b

import numpy as np
from semtoken import EncoderError, ServedTokenizer
from semtoken.datamodels import Encoding
from semtoken.deadline import Deadline
from semtoken.encoders import EncoderInput
from semtoken.encoders.windows import pool_units
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

WIDTH = 256
TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


class HashEncoder:
    """A word's vector is drawn from its digest, mixed a little with its neighbours'."""

    fingerprint = "hash-encoder"

    def encode(
        self, inputs: Sequence[EncoderInput], *, lexical_only: bool = False, deadline: Deadline | None = None
    ) -> list[Encoding]:
        return [self._one(item, lexical_only) for item in inputs]

    def _one(self, item: EncoderInput, lexical_only: bool) -> Encoding:
        words = list(re.finditer(r"\w+|[^\w\s]", item.text))
        starts = np.array([word.start() for word in words], dtype=np.int64)
        ends = np.array([word.end() for word in words], dtype=np.int64)
        digests = [blake2b(word.group().lower().encode(), digest_size=8).digest() for word in words]
        ids = np.array([int.from_bytes(digest[:4], "big") for digest in digests], dtype=np.int64)
        vectors = np.array([_vector(digest) for digest in digests], dtype=np.float32).reshape(-1, WIDTH)
        if lexical_only:
            vectors = np.zeros_like(vectors)
        elif len(vectors):
            vectors = vectors + 0.25 * np.roll(vectors, 1, axis=0)
        bounds = np.append(np.searchsorted(starts, item.unit_starts), len(starts))
        return Encoding(vectors, ids, starts, ends, bounds, pool_units(vectors, bounds))


class BrokenEncoder:
    """Fails as an encoder that is out of memory does."""

    fingerprint = "broken"

    def encode(
        self, inputs: Sequence[EncoderInput], *, lexical_only: bool = False, deadline: Deadline | None = None
    ) -> list[Encoding]:
        raise EncoderError("the encoder failed: out of memory")


@cache
def _vector(digest: bytes) -> tuple[float, ...]:
    return tuple(np.random.default_rng(int.from_bytes(digest, "big")).normal(size=WIDTH))


@cache
def small_tokenizer() -> ServedTokenizer:
    """A byte-level BPE tokenizer that knows some English, with a chat template."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    text = ["The quick brown fox jumps over the lazy dog. What is the answer to the question about it?"] * 3
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator(text, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet))
    return _served(backend)


@cache
def bytes_tokenizer() -> ServedTokenizer:
    """Another tokenizer than the small one: a token per byte."""
    alphabet = {letter: at for at, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    backend = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return _served(backend)


def _served(backend: Tokenizer) -> ServedTokenizer:
    # The constructor has no annotations in transformers.
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, chat_template=TEMPLATE)  # type: ignore[no-untyped-call]
    return ServedTokenizer(tokenizer)
