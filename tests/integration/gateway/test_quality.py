"""The quality contract on live traffic: what is sampled, what it may cost, and the switch that follows."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from fakes.encoders import small_tokenizer
from fakes.engine import MODEL, WORDS, FakeEngine
from fakes.serving import Served, eventually, gateway
from fakes.texts import QUESTION, chat, rag

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
BODY = chat(rag())
ANSWER = "".join(WORDS)
SECRET = "The vault code"
LEAST = 10


def counted(served: Served, outcome: str) -> float:
    return served.metric("semtoken_quality_replays_total", outcome=outcome)


def drifts(served: Served) -> float:
    return served.metric("semtoken_quality_drift_count", model=MODEL)


async def scored(served: Served, number: int) -> None:
    await eventually(lambda: counted(served, "scored") == number)
    assert drifts(served) == number


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_nothing_is_sampled_unless_it_is_set(served: Served) -> None:
    await served.post(CHAT, BODY)
    await asyncio.sleep(0.1)
    assert served.engine.scored == []
    assert "quality" not in (await served.client.get("/health/ready")).json()


async def test_a_chat_is_scored_after_both_prompts(engine: FakeEngine) -> None:
    engine.drift = 0.2
    async with gateway(engine, quality_share=1.0) as served:
        tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
        asked = {**BODY, "temperature": 0.7, "seed": 1, "tools": tools, "stop": ["\n"]}
        answered = await served.post(CHAT, asked)
        assert answered.headers["x-semtoken-status"] == "compressed"
        await scored(served, 1)
        compressed, full = engine.scored
        said = {"role": "assistant", "content": ANSWER}
        assert compressed.json["messages"] == [*engine.last.json["messages"], said]
        assert full.json["messages"] == [*BODY["messages"], said]
        for replay in (compressed, full):
            assert {name: value for name, value in replay.json.items() if name != "messages"} == {
                "model": MODEL,
                "tools": tools,
                "add_generation_prompt": False,
                "continue_final_message": True,
                "max_tokens": 1,
                "temperature": 0,
                "prompt_logprobs": 0,
                "stream": False,
            }
        identity = answered.headers["x-request-id"]
        assert compressed.headers["x-request-id"] == f"{identity}-quality-compressed"
        assert full.headers["x-request-id"] == f"{identity}-quality-full"
        assert served.metric("semtoken_quality_mean_drift", model=MODEL) == pytest.approx(0.2)
        assert served.metric("semtoken_quality_drift_bucket", le="0.1") == 0
        assert served.metric("semtoken_quality_drift_bucket", le="0.3") == 1
        assert counted(served, "scored") == 1


@pytest.mark.parametrize("usage", [True, False])
async def test_a_stream_is_scored_as_what_is_not(engine: FakeEngine, usage: bool) -> None:
    engine.drift = 0.2
    async with gateway(engine, quality_share=1.0) as served:
        streamed = {**BODY, "stream": True, "stream_options": {"include_usage": usage}}
        await served.post(CHAT, streamed)
        await scored(served, 1)
        assert engine.scored[1].json["messages"][-1]["content"] == ANSWER
        assert served.metric("semtoken_quality_mean_drift", model=MODEL) == pytest.approx(0.2)


@pytest.mark.parametrize("options", [{}, {"realise": "text"}])
async def test_a_completion_is_scored_as_token_ids(engine: FakeEngine, options: dict[str, Any]) -> None:
    engine.drift = 0.2
    async with gateway(engine, quality_share=1.0) as served:
        await served.post(COMPLETIONS, {"prompt": [rag()], "semtoken": options, "max_tokens": 8})
        await scored(served, 1)
        compressed, full = (replay.json["prompt"] for replay in engine.scored)
        answer = small_tokenizer().ids(ANSWER)
        assert full == [*small_tokenizer().ids(rag()), *answer]
        (prompt,) = engine.last.json["prompt"]
        ids = small_tokenizer().ids(prompt) if isinstance(prompt, str) else prompt
        assert compressed == [*ids, *answer]


async def test_the_answer_does_not_wait_for_its_replay(engine: FakeEngine) -> None:
    engine.replays = "stall"
    async with gateway(engine, quality_share=1.0) as served:
        for _ in range(3):
            assert (await served.post(CHAT, BODY)).status_code == 200
        await eventually(lambda: len(engine.scored) == 1)
        assert drifts(served) == 0
        # One at a time: the others wait.
        assert (await served.post(CHAT, BODY)).status_code == 200
        assert len(engine.scored) == 1
        engine.replays = "score"
        engine.resume.set()
        await scored(served, 4)


async def test_more_samples_than_there_is_room_for_are_dropped(engine: FakeEngine) -> None:
    engine.replays = "stall"
    async with gateway(engine, quality_share=1.0) as served:
        for _ in range(11):
            await served.post(CHAT, BODY)
        assert counted(served, "dropped") == 3
        engine.replays = "score"
        engine.resume.set()
        await scored(served, 8)
        await served.post(CHAT, BODY)
        await scored(served, 9)


async def test_a_replay_past_its_time_is_given_up_and_the_next_goes_on(engine: FakeEngine) -> None:
    engine.replays = "stall"
    async with gateway(engine, quality_share=1.0, quality_timeout_s=3) as served:
        await served.post(CHAT, BODY)
        await eventually(lambda: counted(served, "timeout") == 1)
        async with asyncio.timeout(10):
            await engine.cancelled.wait()
        engine.replays = "score"
        await served.post(CHAT, BODY)
        await scored(served, 1)


@pytest.mark.parametrize(("replays", "outcome"), [("refuse", "refused"), ("die", "failed"), ("babble", "unreadable")])
async def test_an_engine_that_does_not_score(engine: FakeEngine, replays: Any, outcome: str) -> None:
    engine.replays = replays
    async with gateway(engine, quality_share=1.0) as served:
        await served.post(CHAT, BODY)
        await eventually(lambda: counted(served, outcome) == 1)
        assert drifts(served) == 0
        engine.replays = "score"
        # An engine that hung up counts as down until it has been looked at again.
        async with asyncio.timeout(10):
            while (await served.post(CHAT, BODY)).status_code != 200:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)
        await scored(served, 1)


async def test_a_busy_gateway_does_not_replay(engine: FakeEngine) -> None:
    engine.behaviour = "stall"
    async with gateway(engine, quality_share=1.0, quality_max_inflight=0) as served:
        waiting = asyncio.create_task(served.post(CHAT, chat("Hello")))
        await engine.arrived.wait()
        engine.behaviour = "answer"
        await served.post(CHAT, BODY)
        await eventually(lambda: counted(served, "busy") == 1)
        engine.resume.set()
        await waiting
        await served.post(CHAT, BODY)
        await scored(served, 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 2},
        {"response_format": {"type": "json_object"}},
        {"response_format": "json"},
        {"response_format": ["text"]},
        {"response_format": {}},
        {"n": [1]},
        {"tool_choice": {"type": "function"}},
        {"structured_outputs": {"choice": ["a"]}},
        {"tool_choice": "required"},
        {"continue_final_message": True, "add_generation_prompt": False},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": rag()}, {"type": "image_url"}]}]},
    ],
    ids=str,
)
async def test_what_cannot_be_replayed_is_counted_so(engine: FakeEngine, fields: dict[str, Any]) -> None:
    async with gateway(engine, quality_share=1.0) as served:
        assert (await served.post(CHAT, {**BODY, **fields})).headers["x-semtoken-status"] == "compressed"
        assert counted(served, "unsupported") == 1
        await served.post(CHAT, BODY)
        await scored(served, 1)
        assert len(engine.scored) == 2


async def test_a_model_that_the_engine_does_not_list_makes_no_series(engine: FakeEngine) -> None:
    async with gateway(engine, quality_share=1.0) as served:
        assert (await served.post(CHAT, {**BODY, "model": "invented"})).status_code == 404
        await served.post(CHAT, {name: value for name, value in BODY.items() if name != "model"})
        await scored(served, 1)
        exposition, _ = served.metrics.render("")
        assert b"invented" not in exposition


async def test_a_broken_off_stream_is_not_scored(engine: FakeEngine) -> None:
    engine.behaviour = "end_midway"
    engine.resume.set()
    async with gateway(engine, quality_share=1.0) as served:
        await served.post(CHAT, {**BODY, "stream": True})
        await eventually(lambda: counted(served, "incomplete") == 1)
        assert engine.scored == []


async def test_a_client_can_neither_choose_nor_avoid_to_be_sampled(engine: FakeEngine) -> None:
    draws = iter([0.05, 0.15, 0.05, 0.5])
    async with gateway(engine, quality_share=0.1, draw=lambda: next(draws)) as served:
        headers = {"x-request-id": "same", "x-semtoken-mode": "auto"}
        for _ in range(4):
            await served.post(CHAT, BODY, headers=headers)
        await scored(served, 2)
        # A name that is none of the options is refused, so there is none that switches sampling.
        refused = await served.post(CHAT, {**BODY, "semtoken": {"quality": True}})
        assert refused.status_code == 400


@pytest.mark.parametrize(
    "options", [{"ratio": 8.0}, {"target_tokens": 200}, {"mode": "force"}, {"query": "What of the mill?"}], ids=str
)
async def test_a_client_s_own_options_decide_nothing(engine: FakeEngine, options: dict[str, Any]) -> None:
    engine.drift = 9.0
    async with gateway(engine, quality_share=1.0, quality_min_samples=LEAST) as served:
        for _ in range(LEAST + 2):
            answered = await served.post(CHAT, {**BODY, "semtoken": options})
            assert answered.headers["x-semtoken-status"] == "compressed"
        await asyncio.sleep(0.1)
        assert engine.scored == []
        assert (await served.post(CHAT, BODY)).headers["x-semtoken-status"] == "compressed"


async def broken(served: Served) -> None:
    """Sample until compression is switched off."""
    served.engine.drift = 2.0
    for number in range(LEAST):
        assert (await served.post(CHAT, BODY)).headers["x-semtoken-status"] == "compressed"
        await scored(served, number + 1)


async def test_a_broken_contract_switches_compression_off_and_a_probe_on_again(
    engine: FakeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    clock, draws = Clock(), [0.0]
    settings: dict[str, Any] = {"quality_share": 0.5, "quality_min_samples": LEAST, "quality_probe_s": 60}
    async with gateway(engine, clock=clock, draw=lambda: draws[0], **settings) as served:
        await broken(served)
        assert "compression for the model fake-model is switched off" in caplog.text
        going_on = {
            **BODY,
            "messages": [*BODY["messages"], {"role": "assistant", "content": "Yes."}, *BODY["messages"]],
        }
        for path, body in ((CHAT, going_on), (COMPLETIONS, {"model": MODEL, "prompt": rag()})):
            withheld = await served.post(path, body)
            assert withheld.headers["x-semtoken-status"] == "skipped"
            assert withheld.headers["x-semtoken-reason"] == "quality_switched_off"
            assert engine.last.json == body
        assert served.metric("semtoken_prefix_breaks_total", cause="quality_switch") == 1
        assert served.metric("semtoken_quality_switched_off", model=MODEL) == 1
        ready = await served.client.get("/health/ready")
        assert ready.status_code == 200
        assert ready.json()["quality"] == {MODEL: "switched off, drift 2.000 nats per token"}
        # What a client asks for by name it gets; a short chat has its own reason.
        forced = await served.post(CHAT, {**BODY, "semtoken": {"mode": "force"}})
        assert forced.headers["x-semtoken-status"] == "compressed"
        assert (await served.post(CHAT, chat("Hello"))).headers["x-semtoken-reason"] == "too_short"

        clock.now += 61
        draws[0] = 0.9
        assert (await served.post(CHAT, BODY)).headers["x-semtoken-reason"] == "quality_switched_off"
        draws[0] = 0.1
        for number in range(LEAST):  # the probe finds what was found before
            assert (await served.post(CHAT, BODY)).headers["x-semtoken-status"] == "compressed"
            await scored(served, LEAST + number + 1)
        assert (await served.post(CHAT, BODY)).headers["x-semtoken-reason"] == "quality_switched_off"

        clock.now += 61
        engine.drift = 0.1
        for number in range(LEAST):
            assert served.metric("semtoken_quality_switched_off", model=MODEL) == 1
            await served.post(CHAT, BODY)
            await scored(served, 2 * LEAST + number + 1)
        assert "is on again" in caplog.text
        assert served.metric("semtoken_quality_switched_off", model=MODEL) == 0
        draws[0] = 0.9
        assert (await served.post(CHAT, BODY)).headers["x-semtoken-status"] == "compressed"
        assert SECRET not in caplog.text
        assert QUESTION not in caplog.text


async def test_what_is_over_the_context_is_compressed_all_the_same(engine: FakeEngine) -> None:
    whole = small_tokenizer().count_messages(BODY["messages"])
    engine.window = whole + 300
    async with gateway(engine, quality_share=1.0, quality_min_samples=LEAST) as served:
        await broken(served)
        fits = await served.post(CHAT, {**BODY, "max_tokens": 100})
        assert fits.headers["x-semtoken-reason"] == "quality_switched_off"
        assert fits.headers["x-semtoken-status"] == "skipped"
        assert engine.last.json["messages"] == BODY["messages"]
        over = await served.post(CHAT, {**chat(rag(90)), "max_tokens": 100})
        assert over.status_code == 200
        assert over.headers["x-semtoken-reason"] == "fit_window"
        assert over.headers["x-semtoken-status"] == "compressed"
        assert int(over.headers["x-semtoken-forwarded-tokens"]) > 0.8 * engine.window


async def test_one_outlier_switches_nothing_off(engine: FakeEngine) -> None:
    async with gateway(engine, quality_share=1.0, quality_min_samples=LEAST) as served:
        for number in range(3 * LEAST):
            engine.drift = 100.0 if number in (3, 21) else 0.01 * (number % 3)
            answered = await served.post(CHAT, BODY)
            assert answered.headers["x-semtoken-status"] == "compressed"
            await scored(served, number + 1)


async def test_the_end_of_the_gateway_drops_what_waits(engine: FakeEngine) -> None:
    engine.replays = "stall"
    async with gateway(engine, quality_share=1.0) as served:
        for _ in range(3):
            await served.post(CHAT, BODY)
        await eventually(lambda: len(engine.scored) == 1)
    async with asyncio.timeout(10):
        await engine.cancelled.wait()
    assert len(engine.scored) == 1


async def test_the_client_s_bytes_are_not_changed_by_being_sampled(engine: FakeEngine) -> None:
    answers: list[bytes] = []
    for share in (0.0, 1.0):
        async with gateway(engine, quality_share=share) as served:
            body = orjson.dumps({**BODY, "stream": True, "stream_options": {"include_usage": True}})
            streamed = await served.post(CHAT, body, headers={"x-request-id": "one"})
            answers.append(streamed.content.split(b'"semtoken"')[0])
    assert answers[0] == answers[1]
