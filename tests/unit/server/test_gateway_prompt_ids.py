"""Special tokens around token ids: those that the model wants, exactly once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from fakes.encoders import HashEncoder, small_tokenizer
from semtoken import CompressionOptions, CompressionResult, Compressor, Deadline, MessagesResult, SemTokenError
from semtoken.datamodels import FloatArray
from semtoken_server.compression.prompt import compress_prompt

BOS, EOS = 9001, 9002
OPTIONS = CompressionOptions()


class Marked:
    """The small tokenizer with special tokens put around, or into the middle of, a text."""

    def __init__(self, before: list[int], after: list[int], *, inside: bool = False) -> None:
        self._before, self._after, self._inside = before, after, inside

    def ids(self, text: str, *, special_tokens: bool = False) -> list[int]:
        ids = small_tokenizer().ids(text)
        if not special_tokens:
            return ids
        return [ids[0], *self._before, *ids[1:]] if self._inside else [*self._before, *ids, *self._after]


class MarkedCompressor:
    """The library, with another tokenizer's special tokens."""

    def __init__(self, tokenizer: Marked) -> None:
        self.tokenizer = tokenizer
        self._library = Compressor(HashEncoder(), small_tokenizer())
        self.asked: list[CompressionOptions] = []

    def for_tenant(self, tenant: str) -> MarkedCompressor:
        return self

    def within(self, deadline: Deadline) -> MarkedCompressor:
        return self

    def compress(self, text: str, query: str | None = None, options: CompressionOptions = OPTIONS) -> CompressionResult:
        return self._library.compress(text, query, options)

    def compress_prompt(self, prompt: str, options: CompressionOptions = OPTIONS) -> CompressionResult:
        self.asked.append(options)
        return self._library.compress_prompt(prompt, options)

    def embed(self, token_ids: Sequence[int]) -> FloatArray:
        """A token's vector is its id."""
        return np.array(token_ids, dtype=np.float32).reshape(-1, 1)

    def compress_messages(
        self,
        messages: Sequence[Mapping[str, Any]],
        options: CompressionOptions = OPTIONS,
        tools: Sequence[Mapping[str, Any]] | None = None,
    ) -> MessagesResult:
        return self._library.compress_messages(messages, options, tools)


@pytest.mark.parametrize(("before", "after"), [([], []), ([BOS], []), ([], [EOS]), ([BOS, BOS + 5], [EOS])])
def test_ids_get_the_model_s_own_special_tokens(before: list[int], after: list[int]) -> None:
    plain = small_tokenizer().ids("Hello there.")
    compressor = MarkedCompressor(Marked(before, after))
    prompt = compress_prompt(compressor, "Hello there.", OPTIONS, special_tokens=True)
    assert list(prompt.ids) == [*before, *plain, *after]
    assert prompt.original_tokens == len(prompt.ids)


def test_a_client_may_want_none() -> None:
    compressor = MarkedCompressor(Marked([BOS], [EOS]))
    prompt = compress_prompt(compressor, "Hello there.", OPTIONS, special_tokens=False)
    assert list(prompt.ids) == small_tokenizer().ids("Hello there.")


def test_a_text_that_begins_with_the_special_token_gets_no_second_one() -> None:
    first = small_tokenizer().ids("Hello")[0]
    compressor = MarkedCompressor(Marked([first], []))
    prompt = compress_prompt(compressor, "Hello there.", OPTIONS, special_tokens=True)
    assert list(prompt.ids) == small_tokenizer().ids("Hello there.")


def test_special_tokens_come_out_of_the_target() -> None:
    compressor = MarkedCompressor(Marked([BOS], [EOS]))
    text = " ".join(f"Sentence number {n} says something of its own." for n in range(80))
    options = CompressionOptions(target_tokens=200, mode="force")
    prompt = compress_prompt(compressor, text, options, special_tokens=True)
    assert prompt.ids[0] == BOS
    assert prompt.ids[-1] == EOS
    assert len(prompt.ids) <= 200


def test_with_embeddings_each_id_has_its_vector() -> None:
    compressor = MarkedCompressor(Marked([BOS], [EOS]))
    options = CompressionOptions(realise="embeds")
    prompt = compress_prompt(compressor, "Hello there.", options, special_tokens=True)
    assert prompt.embeds is not None
    assert prompt.embeds.ravel().tolist() == list(prompt.ids)


def test_a_tokenizer_that_marks_elsewhere_is_not_guessed_at() -> None:
    with pytest.raises(SemTokenError, match="special tokens"):
        compress_prompt(MarkedCompressor(Marked([BOS], [], inside=True)), "Hello", OPTIONS, special_tokens=True)
