"""Completions on their way to the engine: as token ids, as text, and as they came."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakes.encoders import small_tokenizer
from fakes.serving import Served
from fakes.texts import NEEDLE, QUESTION, rag

COMPLETIONS = "/v1/completions"
END = f"Question: {QUESTION}\nAnswer:"


async def test_a_completion_is_forwarded_as_token_ids(served: Served) -> None:
    prompt = f"{rag()}\nAnswer:"
    response = await served.post(COMPLETIONS, {"model": "fake-model", "prompt": prompt, "max_tokens": 5})
    forwarded = served.engine.last.json
    ids = forwarded.pop("prompt")
    assert forwarded == {"model": "fake-model", "max_tokens": 5}
    assert all(isinstance(token, int) for token in ids)
    text = small_tokenizer().decode(ids)
    assert NEEDLE in text
    assert text.endswith(END)
    assert int(response.headers["x-semtoken-forwarded-tokens"]) == len(ids)
    assert int(response.headers["x-semtoken-original-tokens"]) == small_tokenizer().count(prompt) > 2 * len(ids)
    assert response.json()["semtoken"]["status"] == "compressed"
    assert response.json()["usage"]["prompt_tokens"] == len(ids)


async def test_a_completion_may_ask_for_text(served: Served) -> None:
    await served.post(COMPLETIONS, {"prompt": f"{rag()}\nAnswer:", "semtoken": {"realise": "text"}})
    text = served.engine.last.json["prompt"]
    assert NEEDLE in text
    assert text.endswith(END)
    assert len(text) < 0.6 * len(rag())


async def test_each_of_several_prompts_is_compressed(served: Served) -> None:
    await served.post(COMPLETIONS, {"prompt": [rag(), rag(50)]})
    first, second = served.engine.last.json["prompt"]
    assert NEEDLE in small_tokenizer().decode(first)
    assert NEEDLE in small_tokenizer().decode(second)
    assert len(first) < small_tokenizer().count(rag()) / 2
    assert len(second) < small_tokenizer().count(rag(50)) / 2


async def test_the_target_bounds_the_whole_prompt(served: Served) -> None:
    await served.post(COMPLETIONS, {"prompt": rag(), "semtoken": {"target_tokens": 300}})
    assert 200 < len(served.engine.last.json["prompt"]) <= 300


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"prompt": [5, 6, 7] * 400}, "client_token_ids"),
        ({"prompt": [[5, 6], [7]]}, "client_token_ids"),
        ({"prompt": rag(), "echo": True}, "echo"),
        ({"prompt": rag(), "prompt_logprobs": 0}, "prompt_logprobs"),
        ({"prompt": rag(), "suffix": "the end"}, "suffix"),
    ],
)
async def test_answers_that_speak_of_the_prompt_leave_it_alone(
    served: Served, fields: dict[str, Any], reason: str
) -> None:
    raw = json.dumps(fields).encode()
    response = await served.post(COMPLETIONS, raw)
    assert response.headers["x-semtoken-status"] == "skipped"
    assert response.headers["x-semtoken-reason"] == reason
    assert served.engine.last.body == raw
