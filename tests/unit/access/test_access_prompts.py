"""Prompts are counted exactly, and only where it matters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fakes.compressors import crashing, sound
from semtoken_server.access.prompts import LONGEST_TOKEN, PromptCounter, prompt_ids, prompt_texts
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
    assert await counter(backend, None).count({"prompt": [TEXT, TEXT], "input": [1, 2, 3, 4, 5]}) == 2 * expected + 5
    assert await counter(backend, expected).count({"prompt": TEXT}) == expected
    with pytest.raises(PromptTooLargeError, match=f"has {expected} tokens; {expected - 1} are allowed"):
        await counter(backend, expected - 1).count({"prompt": TEXT})


async def test_what_is_certainly_over_is_not_tokenised() -> None:
    backend = ThreadCompressor(crashing(ZeroDivisionError()), max_queue=8)
    with pytest.raises(PromptTooLargeError, match="more than 100"):
        await counter(backend, 100).count({"input": "x" * (101 * LONGEST_TOKEN)})
    with pytest.raises(PromptTooLargeError, match="more than 100"):
        await counter(backend, 100).count({"prompt": [1] * 101})
    assert backend.queue_depth == 0


async def test_without_a_tokenizer_four_characters_are_a_token() -> None:
    backend = ThreadCompressor(sound, max_queue=8)
    assert await counter(backend, None).count({"prompt": "x" * 41}) == 11


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
    for name in ("prompt", "input"):
        assert sorted(prompt_texts({name: prompt})) == texts
        assert prompt_ids({name: prompt}) == ids


LONG = "x" * 5000


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": LONG}]},
        {"messages": [{"role": "user", "content": [LONG]}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": LONG}]}]},
        {"messages": [{"role": "user", "content": [{"type": "input_text", "text": LONG}]}]},
        {"messages": [{"role": LONG, "content": "Hello"}]},
        {"messages": [{"role": "user", "name": LONG, "content": "Hello"}]},
        {"messages": [{"role": "assistant", "content": "Hello", "reasoning": LONG}]},
        {"messages": [{"role": "assistant", "content": [{"type": "thinking", "thinking": LONG}]}]},
        {"messages": [{"role": "assistant", "content": [{"type": "refusal", "refusal": LONG}]}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": LONG}}]}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {LONG: 1}}}]}]},
        {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "name": "f", "input": {LONG: [1]}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": [{"text": LONG}]}]}]},
        {"messages": [], "system": [{"type": "text", "text": LONG}]},
        {"messages": [], "tools": [{"type": "function", "function": {"name": "f", "description": LONG}}]},
        {"messages": [], "tools": [{"type": "function", "function": {"parameters": {"properties": {LONG: {}}}}}]},
        {"messages": [], "documents": [{"title": "A", "text": LONG}]},
        {"messages": [], "chat_template_kwargs": {"context": LONG}},
        {"input": [{"role": "assistant", "content": [{"type": "output_text", "text": "a"}, {"text": LONG}]}]},
        {"input": [{"type": "reasoning", "summary": [{"text": "a"}], "content": [{"text": LONG}]}]},
        {"input": [{"type": "function_call_output", "output": LONG}]},
        {"input": "a", "instructions": LONG},
        {"input": "a", "previous_input_messages": [{"role": "user", "content": LONG}]},
        {"prompt": "a", "suffix": LONG},
        {"text": "a", "query": LONG},
    ],
    ids=lambda body: str(body).replace(LONG, "*"),
)
def test_no_text_is_overlooked(body: dict[str, Any]) -> None:
    assert 5000 <= sum(map(len, prompt_texts(body))) < 5200


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{LONG}"}},
        {"type": "input_image", "image_url": f"data:image/png;base64,{LONG}"},
        {"type": "input_audio", "input_audio": {"data": LONG, "format": "wav"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": LONG}},
        {"type": "reasoning", "encrypted_content": LONG},
    ],
    ids=lambda part: part["type"],
)
def test_media_are_no_text(part: dict[str, Any]) -> None:
    assert prompt_texts({"messages": [{"role": "user", "content": [part]}], "input": [part]}) == []


def test_labels_are_no_text() -> None:
    message = {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "Hello"}]}
    assert prompt_texts({"model": "m", "messages": [message], "user": "me", "metadata": {"a": "b"}}) == ["Hello"]
