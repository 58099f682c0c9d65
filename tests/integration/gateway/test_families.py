"""What every compressed route does, whatever its form: the matrix that each family runs through."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fakes.compressors import with_broken_encoder
from fakes.encoders import small_tokenizer
from fakes.engine import TROUBLE_AT, WORDS, Behaviour, FakeEngine
from fakes.families import CASES, FamilyCase, events
from fakes.serving import Served, eventually, gateway
from fakes.texts import NEEDLE, QUESTION, document, rag
from semtoken_server.families import FAMILIES

USAGE = {"stream_options": {"include_usage": True}}
TEXT = {"semtoken": {"realise": "text"}}


@pytest.fixture(params=CASES, ids=lambda case: case.path)
def case(request: pytest.FixtureRequest) -> FamilyCase:
    found: FamilyCase = request.param
    return found


def test_every_family_is_in_the_matrix() -> None:
    assert [case.path for case in CASES] == [family.path for family in FAMILIES]


async def test_a_long_text_is_compressed_and_keeps_the_needle(served: Served, case: FamilyCase) -> None:
    response = await served.post(case.path, case.asked(rag()))
    assert response.status_code == 200
    assert served.engine.last.path == case.path
    forwarded = case.text(served.engine.last.json)
    assert NEEDLE in forwarded
    assert forwarded.endswith(QUESTION)
    assert len(forwarded) < 0.6 * len(rag())
    assert response.headers["x-semtoken-status"] == "compressed"
    answer = response.json()
    told = answer["semtoken"]
    assert told["request_id"] == response.headers["x-request-id"]
    assert told["original_tokens"] == int(response.headers["x-semtoken-original-tokens"])
    assert told["forwarded_tokens"] == case.prompt_tokens(answer["usage"])
    assert case.said(answer) == "".join(WORDS)


async def test_what_is_untouched_reaches_the_engine_byte_for_byte(served: Served, case: FamilyCase) -> None:
    for text, headers in (("café", {}), (rag(), {"x-semtoken-mode": "off"})):
        # Spelt as no serialiser would spell it.
        raw = json.dumps({**case.asked(text), "n": 1}, indent=1).replace('"n": 1', '"n" : 12345678901234567890123')
        raw = raw.replace('"caf', '"\\u0063af') + "\n"
        response = await served.post(case.path, raw.encode(), headers=headers)
        assert served.engine.last.body == raw.encode()
        assert response.json()["semtoken"]["status"] == ("off" if headers else "skipped")


async def test_compressing_changes_no_other_byte(served: Served, case: FamilyCase) -> None:
    body = case.asked(rag(), seed=0, **TEXT)
    raw = json.dumps(body, indent=2).replace('"seed": 0', '"seed" : 12345678901234567890123 , "p":1.0e0')
    semtoken = ',\n  "semtoken": {\n    "realise": "text"\n  }'
    assert semtoken in raw
    await served.post(case.path, raw.encode())
    short = json.dumps(case.text(served.engine.last.json), ensure_ascii=False)
    assert len(short) < 0.6 * len(rag())
    assert served.engine.last.body.decode() == raw.replace(semtoken, "").replace(json.dumps(rag()), short)


async def test_a_stream_arrives_whole(served: Served, case: FamilyCase) -> None:
    response = await served.post(case.path, case.asked(rag(), stream=True, **USAGE))
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["x-semtoken-status"] == "compressed"
    stream = events(response.text)
    assert case.words(stream) == list(WORDS)
    final = case.final(stream)
    assert final["semtoken"]["forwarded_tokens"] == case.prompt_tokens(final["usage"])
    assert final["semtoken"]["request_id"] == response.headers["x-request-id"]
    assert response.text.count('"semtoken"') == 1
    assert served.metric("semtoken_time_to_first_token_seconds_count", route=case.path) == 1
    assert served.metric("semtoken_inter_token_seconds_count") == len(WORDS) - 1


async def test_events_arrive_before_the_engine_is_done(served: Served, engine: FakeEngine, case: FamilyCase) -> None:
    engine.behaviour = "stall_midway"
    async with served.client.stream("POST", case.path, json=case.asked("Hello", stream=True)) as response:
        text = ""
        async for chunk in response.aiter_text():
            text += chunk
            if not engine.resume.is_set() and WORDS[TROUBLE_AT - 1] in text:
                assert case.words(events(text[: text.rindex("\n\n") + 2])) == list(WORDS[:TROUBLE_AT])
                engine.resume.set()
        assert case.words(events(text)) == list(WORDS)


@pytest.mark.parametrize("behaviour", ["die_midway", "end_midway"])
async def test_a_stream_that_breaks_off_ends_with_an_error_event(
    served: Served, engine: FakeEngine, case: FamilyCase, behaviour: Behaviour
) -> None:
    engine.behaviour = behaviour
    async with served.client.stream("POST", case.path, json=case.asked("Hello", stream=True)) as response:
        text = ""
        async for chunk in response.aiter_text():
            text += chunk
            if WORDS[TROUBLE_AT - 1] in text:
                engine.resume.set()
    *begun, last = events(text)
    assert case.words(begun) == list(WORDS[:TROUBLE_AT])
    error = case.stream_error(last)
    assert error["code"] == "engine_connection"
    assert error["type"] in ("server_error", "api_error")
    assert served.metric("semtoken_stream_aborts_total", side="engine") == 1


async def test_a_stream_whose_time_is_up_ends_with_an_error_event(
    served: Served, engine: FakeEngine, case: FamilyCase
) -> None:
    engine.behaviour = "stall_midway"
    async with served.client.stream("POST", case.path, json=case.asked("Hello", stream=True)) as response:
        text = ""
        async for chunk in response.aiter_text():
            text += chunk
            if WORDS[TROUBLE_AT - 1] in text and not served.gateway.lifecycle.over:
                served.gateway.lifecycle.end_all()
    *begun, last = events(text)
    assert case.words(begun) == list(WORDS[:TROUBLE_AT])
    assert case.stream_error(last)["code"] == "shutting_down"


async def test_a_request_whose_time_is_up_is_told_in_the_family_s_form(
    served: Served, engine: FakeEngine, case: FamilyCase
) -> None:
    engine.behaviour = "stall"
    asked = asyncio.create_task(served.post(case.path, case.asked("Hello")))
    await asyncio.wait_for(engine.arrived.wait(), timeout=10)
    served.gateway.lifecycle.end_all()
    response = await asked
    assert response.status_code == 503
    assert case.error(response.json())["code"] == "shutting_down"


async def test_a_client_that_leaves_stops_the_engine(served: Served, engine: FakeEngine, case: FamilyCase) -> None:
    engine.behaviour = "stall_midway"
    async with served.client.stream("POST", case.path, json=case.asked("Hello", stream=True)) as response:
        await anext(response.aiter_bytes())
    await asyncio.wait_for(engine.cancelled.wait(), timeout=10)
    await eventually(lambda: served.metric("semtoken_stream_aborts_total", side="client") == 1)


@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_refused_is_told_in_the_family_s_form(served: Served, case: FamilyCase, stream: bool) -> None:
    refused: list[Any] = [
        {**case.asked("Hello"), "semtoken": {"ratio": 0}},
        {**case.asked("Hello"), "semtoken": {"colour": "red"}},
        {**case.asked("Hello"), "model": 5},
        {**case.asked("Hello"), "prompt_embeds": "AAAA"},
        {**case.asked("Hello"), "metadata": [{"kv_transfer_params": {}}]},
        {**case.asked("Hello"), "semtoken": {"realise": "embeds"}},
        {},
        b"{",
    ]
    for body in refused:
        sent = {**body, "stream": stream} if isinstance(body, dict) else body
        response = await served.post(case.path, sent)
        assert response.status_code == 400
        assert response.headers["content-type"] == "application/json"
        error = case.error(response.json())
        assert error["type"] == "invalid_request_error"
        assert error["message"]
    assert served.engine.received == []


async def test_a_wrong_method_is_told_too(served: Served, case: FamilyCase) -> None:
    response = await served.client.get(case.path)
    assert response.status_code == 405
    assert case.error(response.json())["message"]


async def test_a_body_over_the_limit_is_told_too(engine: FakeEngine, case: FamilyCase) -> None:
    async with gateway(engine, max_body_bytes=500) as served:
        response = await served.post(case.path, case.asked("x" * 500))
    assert response.status_code == 413
    assert case.error(response.json())["code"] == "body_too_large"


async def test_an_engine_that_is_gone_is_told_too(engine: FakeEngine, case: FamilyCase) -> None:
    async with gateway(engine) as served:
        await engine.stop()
        response = await served.post(case.path, case.asked("Hello"))
    assert response.status_code in (502, 503)
    assert case.error(response.json())["type"] in ("server_error", "api_error", "overloaded_error")


async def test_the_engine_s_own_refusal_passes_as_it_is(served: Served, engine: FakeEngine, case: FamilyCase) -> None:
    engine.behaviour = "refuse"
    response = await served.post(case.path, case.asked("Hello", stream=True))
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "max_tokens is too large"
    assert "semtoken" not in response.text


async def test_compression_that_fails_is_open_or_closed(engine: FakeEngine, case: FamilyCase) -> None:
    async with gateway(engine, with_broken_encoder) as served:
        response = await served.post(case.path, case.asked(rag()))
        assert response.headers["x-semtoken-status"] == "failed-open"
        assert engine.last.json == case.asked(rag())
        closed = await served.post(case.path, case.asked(rag(), semtoken={"on_failure": "closed"}))
        assert closed.status_code == 503
        assert case.error(closed.json())["code"] == "encoder_error"


@pytest.mark.parametrize("mode", ["auto", "off"])
async def test_keep_tags_pin_and_are_taken_out(served: Served, case: FamilyCase, mode: str) -> None:
    kept = "In the year 1703 Dilara drew the mill."
    text = f"{document(30)} <semtoken:keep>{kept}</semtoken:keep> {document(30, needle=False)}\n\nQuestion: {QUESTION}"
    options = {"keep_tags": True, "ratio": 6, "mode": mode, "realise": "text"}
    response = await served.post(case.path, case.asked(text, semtoken=options))
    forwarded = case.text(served.engine.last.json)
    assert response.headers["x-semtoken-status"] == ("compressed" if mode == "auto" else "off")
    assert kept in forwarded
    assert "semtoken:keep" not in forwarded
    if mode == "off":
        assert forwarded == text.replace("<semtoken:keep>", "").replace("</semtoken:keep>", "")


@pytest.fixture
async def narrow(engine: FakeEngine) -> AsyncIterator[Served]:
    engine.window = 1000
    async with gateway(engine) as served:
        yield served


async def test_a_prompt_over_the_window_is_made_to_fit(narrow: Served, case: FamilyCase) -> None:
    asked = case.asked(rag(150), max_tokens=100, semtoken={"ratio": 1.5})
    response = await narrow.post(case.path, asked)
    assert response.status_code == 200
    assert response.headers["x-semtoken-reason"] == "fit_window"
    assert 700 < case.prompt_tokens(response.json()["usage"]) <= 900


async def test_options_stand_in_headers_and_the_body_wins(served: Served, case: FamilyCase) -> None:
    headers = {"x-semtoken-ratio": "1.5"}
    mild = await served.post(case.path, case.asked(rag()), headers=headers)
    strong = await served.post(case.path, case.asked(rag(), semtoken={"ratio": 6}), headers=headers)
    forwarded = [int(answer.headers["x-semtoken-forwarded-tokens"]) for answer in (mild, strong)]
    assert forwarded[0] > 2.5 * forwarded[1]


async def test_a_later_turn_does_not_change_an_earlier_one(served: Served, case: FamilyCase) -> None:
    await served.post(case.path, case.asked(rag(), **TEXT))
    first = case.text(served.engine.last.json)
    await served.post(case.path, case.asked(rag(), "It is 7316.", "Thanks!", **TEXT))
    assert case.text(served.engine.last.json) == first
    assert small_tokenizer().count(first) < 0.6 * small_tokenizer().count(rag())
