"""An engine that refuses, dies, or is not there: its own answers pass, and what it cannot say the gateway says."""

from __future__ import annotations

import asyncio

from fakes.engine import FakeEngine
from fakes.serving import Served, gateway
from fakes.texts import chat, rag

CHAT = "/v1/chat/completions"


async def test_the_engine_s_own_errors_pass(served: Served, engine: FakeEngine) -> None:
    engine.behaviour = "refuse"
    response = await served.post(CHAT, chat(rag(), max_tokens=10**9))
    assert response.status_code == 400
    error = {"message": "max_tokens is too large", "type": "BadRequestError", "param": None, "code": 400}
    assert response.json() == {"error": error}
    assert response.headers["x-semtoken-status"] == "compressed"
    engine.behaviour = "busy"
    response = await served.post(CHAT, chat("Hello"))
    assert (response.status_code, response.headers["retry-after"]) == (503, "7")


async def test_an_answer_that_breaks_off_is_a_502(served: Served, engine: FakeEngine) -> None:
    engine.behaviour = "break_body"
    response = await served.post(CHAT, chat("Hello"))
    assert response.status_code == 502
    error = response.json()["error"]
    assert (error["type"], error["code"]) == ("server_error", "engine_connection")


async def test_an_engine_that_hangs_up_is_a_502(served: Served, engine: FakeEngine) -> None:
    engine.behaviour = "die"
    response = await served.post(CHAT, chat("Hello"))
    assert response.status_code == 502
    error = response.json()["error"]
    assert (error["type"], error["code"]) == ("server_error", "engine_connection")


async def test_an_engine_that_stays_silent_is_a_504(engine: FakeEngine) -> None:
    engine.behaviour = "stall"
    async with gateway(engine, engine_read_timeout_s=0.3) as served:
        response = await served.post(CHAT, chat("Hello"))
        assert response.status_code == 504
        assert response.json()["error"]["code"] == "engine_timeout"
        await asyncio.wait_for(engine.cancelled.wait(), timeout=10)
        assert len(engine.received) == 1


async def test_no_engine_is_a_503(served: Served, engine: FakeEngine) -> None:
    await engine.stop()
    # The first may be what finds out, unless a look at its health did.
    first = await served.post(CHAT, chat("Hello"))
    assert first.status_code in (502, 503)
    second = await served.post(CHAT, chat("Hello"))
    assert second.status_code == 503
    assert second.json()["error"]["code"] == "engine_unavailable"
    assert served.metric("semtoken_admission_rejections_total", reason="no_engine") >= 1
