"""Prompts are counted exactly, and only where it matters."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from fakes.compressors import crashing, sound
from semtoken_server.access.prompts import LONGEST_TOKEN, Prompt, PromptCounter, given
from semtoken_server.compression.thread import ThreadCompressor
from semtoken_server.errors import PromptTooLargeError

TEXT = "The mill stands by the river. "


@pytest.fixture
async def backend() -> AsyncIterator[ThreadCompressor]:
    backend = ThreadCompressor(sound, max_queue=8)
    await backend.start("small")
    yield backend
    await backend.close()


def counter(backend: ThreadCompressor, limit: int | None) -> PromptCounter:
    return PromptCounter(backend, limit=limit, timeout_s=30)


async def test_texts_and_ids_are_counted_exactly(backend: ThreadCompressor) -> None:
    expected = len(sound().tokenizer.ids(TEXT))
    assert await counter(backend, None).count(Prompt(lambda: [TEXT, TEXT], 5)) == 2 * expected + 5
    assert await counter(backend, expected).count(given(TEXT)) == expected
    with pytest.raises(PromptTooLargeError, match=f"has {expected} tokens; {expected - 1} are allowed"):
        await counter(backend, expected - 1).count(given(TEXT))


async def test_what_is_certainly_over_is_not_tokenised() -> None:
    backend = ThreadCompressor(crashing(ZeroDivisionError()), max_queue=8)
    with pytest.raises(PromptTooLargeError, match="more than 100"):
        await counter(backend, 100).count(given("x" * (101 * LONGEST_TOKEN)))
    with pytest.raises(PromptTooLargeError, match="more than 100"):
        await counter(backend, 100).count(given([1] * 101))
    assert backend.queue_depth == 0


async def test_without_a_tokenizer_four_characters_are_a_token() -> None:
    backend = ThreadCompressor(sound, max_queue=8)
    assert await counter(backend, None).count(given("x" * 41)) == 11


def test_a_body_within_the_limit_is_within_it_by_its_bytes() -> None:
    backend = ThreadCompressor(sound, max_queue=8)
    assert not counter(backend, 100).may_exceed(100)
    assert counter(backend, 100).may_exceed(101)
    assert not counter(backend, None).may_exceed(10**12)


@pytest.mark.parametrize(
    ("prompt", "texts", "ids"),
    [
        ("a", ["a"], 0),
        (["a", "b"], ["a", "b"], 0),
        ([1, 2, 3], [], 3),
        ([[1, 2], [3]], [], 3),
        (None, [], 0),
        ({"a": 1}, [], 0),
    ],
)
def test_the_forms_of_a_prompt(prompt: object, texts: list[str], ids: int) -> None:
    assert (given(prompt).texts(), given(prompt).ids) == (texts, ids)
