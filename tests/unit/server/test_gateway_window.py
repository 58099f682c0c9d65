"""The room that a prompt has in the model's context."""

from __future__ import annotations

from typing import Any

import pytest
from semtoken import CompressionOptions
from semtoken_server.options import RequestOptions
from semtoken_server.schemas.generation import ChatRequest, CompletionRequest
from semtoken_server.window import fitted, may_overflow

OPTIONS = RequestOptions(CompressionOptions())


def chat(**fields: Any) -> ChatRequest:
    return ChatRequest.model_validate({"messages": [{"role": "user", "content": "Hi"}], **fields})


def completion(**fields: Any) -> CompletionRequest:
    return CompletionRequest.model_validate({"prompt": "Hi", **fields})


@pytest.mark.parametrize(
    ("request_", "room"),
    [
        (chat(), 512),
        (chat(max_tokens=100), 100),
        (chat(max_tokens=100, max_completion_tokens=7), 7),
        (chat(max_tokens=100, max_completion_tokens=None), 100),
        (chat(max_tokens=0), 1),
        (chat(max_tokens=4096), 4096),
        (chat(max_tokens="many"), 512),
        (chat(max_tokens=True), 512),
        (completion(), 16),
        (completion(max_tokens=None), 16),
        (completion(max_tokens=100), 100),
        # vLLM knows no such name there.
        (completion(max_completion_tokens=100), 16),
    ],
)
def test_the_room_for_the_answer(request_: ChatRequest | CompletionRequest, room: int) -> None:
    asked = fitted(OPTIONS, request_, 4096, 512).compression
    assert (asked.window_tokens, asked.output_tokens) == (4096, room)


def test_a_reserve_is_a_quarter_of_a_small_window() -> None:
    assert fitted(OPTIONS, chat(), 1000, 512).compression.output_tokens == 250
    assert fitted(OPTIONS, chat(), 2, 512).compression.output_tokens == 1


@pytest.mark.parametrize(
    ("request_", "window"),
    [(chat(), None), (chat(max_tokens=4097), 4096), (chat(truncate_prompt_tokens=-1), 4096)],
)
def test_there_are_prompts_that_need_not_fit(request_: ChatRequest, window: int | None) -> None:
    assert fitted(OPTIONS, request_, window, 512) is OPTIONS


def test_a_body_of_few_bytes_is_not_over_the_window() -> None:
    asked = fitted(OPTIONS, chat(max_tokens=100), 4096, 512)
    assert not may_overflow(asked, 3000)
    assert may_overflow(asked, 4096)
    assert not may_overflow(OPTIONS, 10**9)
