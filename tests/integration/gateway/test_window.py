"""Prompts over the model's context: compressed to fit, in place of the engine's 400."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fakes.compressors import with_broken_encoder
from fakes.encoders import bytes_tokenizer, small_tokenizer
from fakes.engine import WORDS, FakeEngine
from fakes.serving import Served, eventually, gateway
from fakes.texts import NEEDLE, QUESTION, chat, document, rag

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
WINDOW = 1000
LONG = rag(200)
"""Some 11,000 tokens: more than four windows at the default ratio."""
WHOLE = f"{document(60)}\n\nTranslate this text into German."


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    async with FakeEngine(small_tokenizer(), window=WINDOW) as engine:
        yield engine


def told(response: Any) -> tuple[str, str]:
    return response.headers["x-semtoken-status"], response.headers["x-semtoken-reason"]


async def test_a_chat_over_the_window_is_answered(served: Served) -> None:
    response = await served.post(CHAT, chat(LONG, max_tokens=100))
    assert response.status_code == 200
    assert response.json()["choices"][0]["message"]["content"] == "".join(WORDS)
    assert told(response) == ("compressed", "fit_window")
    messages = served.engine.last.json["messages"]
    assert NEEDLE in messages[0]["content"]
    assert messages[0]["content"].endswith(QUESTION)
    forwarded = small_tokenizer().count_messages(messages)
    assert WINDOW - 100 - 70 < forwarded <= WINDOW - 100
    assert response.headers["x-semtoken-forwarded-tokens"] == str(forwarded)
    assert response.json()["semtoken"]["reason"] == "fit_window"


@pytest.mark.parametrize(
    ("fields", "room"),
    [
        ({"max_tokens": 300}, 300),
        ({"max_completion_tokens": 200, "max_tokens": 900}, 200),
        ({}, WINDOW // 4),
        ({"max_tokens": None, "n": 3}, WINDOW // 4),
    ],
)
async def test_the_answer_gets_the_room_it_asks_for(served: Served, fields: dict[str, Any], room: int) -> None:
    response = await served.post(CHAT, chat(LONG, **fields))
    assert response.status_code == 200
    assert room <= WINDOW - int(response.headers["x-semtoken-forwarded-tokens"]) < room + 70


async def test_tools_take_their_part_of_the_window(served: Served) -> None:
    tool = {"type": "function", "function": {"name": "lookup", "description": document(3), "parameters": {}}}
    response = await served.post(CHAT, chat(LONG, tools=[tool], max_tokens=16))
    assert response.status_code == 200
    messages = served.engine.last.json["messages"]
    assert small_tokenizer().count_messages(messages, [tool]) <= WINDOW - 16


async def test_a_chat_that_fits_at_its_ratio_is_what_it_was(served: Served) -> None:
    response = await served.post(CHAT, chat(rag(30), max_tokens=16))
    assert told(response) == ("compressed", "ok")


async def test_a_later_turn_counts_as_a_prefix_break(served: Served) -> None:
    await served.post(CHAT, chat(LONG))
    assert served.metric("semtoken_prefix_breaks_total", cause="fit_window") == 0
    response = await served.post(CHAT, chat(LONG, "7316.", "Thanks!"))
    assert told(response) == ("compressed", "fit_window")
    assert served.metric("semtoken_prefix_breaks_total", cause="fit_window") == 1
    assert served.metric("semtoken_compression_requests_total", status="compressed", reason="fit_window") == 2


@pytest.mark.parametrize("realise", ["tokens", "text"])
async def test_a_completion_over_the_window_is_answered(served: Served, realise: str) -> None:
    response = await served.post(COMPLETIONS, {"prompt": LONG, "semtoken": {"realise": realise}})
    assert response.status_code == 200
    assert told(response) == ("compressed", "fit_window")
    # A completion without a limit has 16 tokens.
    assert WINDOW - 16 - 70 < response.json()["usage"]["prompt_tokens"] <= WINDOW - 16


async def test_each_of_several_prompts_fits(served: Served) -> None:
    response = await served.post(COMPLETIONS, {"prompt": [LONG, rag(10), rag(150)], "max_tokens": 50})
    assert response.status_code == 200
    assert all(len(ids) <= WINDOW - 50 for ids in served.engine.last.json["prompt"])


async def test_one_prompt_that_cannot_fit_is_the_one_told_of(served: Served) -> None:
    pinned = {"protect": [NEEDLE * 40]}
    response = await served.post(COMPLETIONS, {"prompt": [LONG, NEEDLE * 40], "semtoken": pinned})
    assert response.status_code == 400
    assert told(response)[1] == "window_missed"


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (chat(WHOLE), "skipped", "whole_text_task"),
        (chat(LONG, semtoken={"mode": "off"}), "off", "mode_off"),
        (chat(LONG, semtoken={"roles": ["tool"]}), "skipped", "window_missed"),
        ({"messages": [{"role": "system", "content": LONG}, *chat(QUESTION)["messages"]]}, "skipped", "window_missed"),
        ({"messages": [{"role": "system", "content": LONG}, *chat(LONG)["messages"]]}, "compressed", "window_missed"),
    ],
)
async def test_what_may_not_be_compressed_gets_the_engine_s_own_answer(
    served: Served, body: dict[str, Any], status: str, reason: str
) -> None:
    response = await served.post(CHAT, body)
    assert response.status_code == 400
    assert "maximum context length" in response.json()["error"]["message"]
    assert told(response) == (status, reason)


async def test_an_answer_longer_than_the_window_is_the_engine_s_to_refuse(served: Served) -> None:
    response = await served.post(CHAT, chat(LONG, max_tokens=WINDOW + 1))
    assert response.status_code == 400
    assert told(response) == ("compressed", "ok")


async def test_a_client_that_wants_its_prompt_cut_off_gets_that(served: Served) -> None:
    response = await served.post(CHAT, chat(LONG, truncate_prompt_tokens=-1))
    assert told(response) == ("compressed", "ok")
    assert served.engine.last.json["truncate_prompt_tokens"] == -1


async def test_short_messages_that_are_too_many_are_looked_at(served: Served) -> None:
    system = {"role": "system", "content": document(18)}
    turns = [*chat("a b c.", "d.", "Which of them is it?")["messages"]]
    response = await served.post(CHAT, {"messages": [system, *turns], "max_tokens": 8})
    # Too short to be told from its bytes, were it not for the window.
    assert told(response) == ("skipped", "window_missed")


async def test_the_target_wins_where_it_is_the_tighter_bound(served: Served) -> None:
    response = await served.post(CHAT, chat(LONG, semtoken={"target_tokens": 400}))
    assert told(response)[1] != "fit_window"
    assert 330 < int(response.headers["x-semtoken-forwarded-tokens"]) <= 400
    response = await served.post(CHAT, chat(LONG, max_tokens=16, semtoken={"target_tokens": 4000}))
    assert told(response) == ("compressed", "fit_window")


async def test_clients_do_not_set_the_window(served: Served) -> None:
    for name in ("window_tokens", "output_tokens"):
        response = await served.post(CHAT, chat("Hi", semtoken={name: 5}))
        assert response.status_code == 400
        assert response.json()["error"]["param"] == name


async def test_it_can_be_switched_off(engine: FakeEngine) -> None:
    async with gateway(engine, fit_window=False) as served:
        response = await served.post(CHAT, chat(LONG))
        assert response.status_code == 400
        assert told(response) == ("compressed", "ok")


async def test_the_reserve_can_be_set(engine: FakeEngine) -> None:
    async with gateway(engine, window_reserve_tokens=40) as served:
        response = await served.post(CHAT, chat(LONG))
        assert 40 <= WINDOW - int(response.headers["x-semtoken-forwarded-tokens"]) < 40 + 70


async def test_without_a_compressor_the_engine_s_answer_stands(engine: FakeEngine) -> None:
    async with gateway(engine, with_broken_encoder) as served:
        response = await served.post(CHAT, chat(LONG))
        assert response.status_code == 400
        assert told(response) == ("failed-open", "encoder_error")


async def test_an_engine_that_does_not_tell_its_window_changes_nothing() -> None:
    async with FakeEngine(small_tokenizer()) as engine, gateway(engine) as served:
        response = await served.post(CHAT, chat(LONG))
        assert told(response) == ("compressed", "ok")


@pytest.fixture
async def bigger() -> AsyncIterator[FakeEngine]:
    """An engine of another model, with a context of its own."""
    async with FakeEngine(small_tokenizer(), model="bigger", window=20_000) as engine:
        yield engine


async def test_the_window_is_that_of_the_model_that_is_asked(engine: FakeEngine, bigger: FakeEngine) -> None:
    async with gateway(engine, others=(bigger,)) as served:
        response = await served.post(CHAT, chat(LONG, model="bigger"))
        assert told(response) == ("compressed", "ok")
        before = bigger.last.body
        response = await served.post(CHAT, chat(LONG))
        assert told(response) == ("compressed", "fit_window")
        # A model's prompts have the form that they had, whatever becomes of another's engine.
        engine.healthy = False
        await eventually(lambda: not served.gateway.engine.health[engine.name])
        await served.post(CHAT, chat(LONG, model="bigger"))
        assert bigger.last.body == before


async def test_another_model_s_tokenizer_is_no_hindrance(engine: FakeEngine, bigger: FakeEngine) -> None:
    bigger.tokenizer = bytes_tokenizer()
    async with gateway(engine, others=(bigger,)) as served:
        response = await served.post(CHAT, chat(rag(30), model="bigger"))
        assert told(response) == ("failed-open", "tokenizer_mismatch")
        response = await served.post(CHAT, chat(rag(30), max_tokens=16))
        assert told(response) == ("compressed", "ok")
