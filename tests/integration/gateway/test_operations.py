"""Health and metrics, for those who run the gateway."""

from __future__ import annotations

import pytest
from fakes.engine import FakeEngine
from fakes.serving import Served, eventually
from fakes.texts import rag
from prometheus_client.parser import text_string_to_metric_families

CHAT = "/v1/chat/completions"


async def test_ready_follows_the_engine_and_live_does_not(served: Served, engine: FakeEngine) -> None:
    assert (await served.client.get("/health/live")).json() == {"status": "live"}
    ready = await served.client.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json() == {
        "status": "ready",
        "engine": {engine.name: "up"},
        "encoder": "ready",
        "tokenizer": "match",
    }
    engine.healthy = False
    await eventually(lambda: served.metric("semtoken_engine_up", engine=engine.name) == 0)
    ready = await served.client.get("/health/ready")
    assert ready.status_code == 503
    assert ready.json()["status"] == "not ready"
    assert ready.json()["engine"] == {engine.name: "down"}
    refused = await served.post(CHAT, {"messages": [{"role": "user", "content": "Hello"}]})
    assert refused.status_code == 503
    assert refused.json()["error"]["code"] == "engine_unavailable"
    assert refused.headers["retry-after"]
    assert (await served.client.get("/health/live")).status_code == 200


@pytest.fixture
async def used(served: Served) -> Served:
    """A gateway that has compressed one chat and refused another request."""
    await served.post(CHAT, {"messages": [{"role": "user", "content": rag()}]})
    await served.post(CHAT, b"{")
    await served.client.get("/evil-label")
    return served


async def test_metrics_tell_what_happened(used: Served) -> None:
    answer = await used.post(CHAT, {"messages": [{"role": "user", "content": rag()}], "stream": True})
    for stage in ("original", "forwarded"):
        count = 2 * float(answer.headers[f"x-semtoken-{stage}-tokens"])
        assert used.metric("semtoken_prompt_tokens_total", stage=stage) == count
    # A stream's end reaches the client a moment before it is counted.
    await eventually(lambda: used.metric("semtoken_requests_total", route=CHAT, code="200") == 2)
    assert used.metric("semtoken_requests_total", route=CHAT, code="400") == 1
    assert used.metric("semtoken_requests_total", route="unmatched", code="404") == 1
    assert used.metric("semtoken_request_seconds_count", route=CHAT) == 3
    assert used.metric("semtoken_time_to_first_token_seconds_count", route=CHAT) == 1
    assert used.metric("semtoken_compression_requests_total", status="compressed", reason="ok") == 2
    assert used.metric("semtoken_compression_ratio_count") == 2
    assert used.metric("semtoken_compression_seconds_count", stage="encode") == 2
    assert used.metric("semtoken_engine_requests_total", engine=used.engine.name, outcome="2xx") >= 2
    assert used.metric("semtoken_engine_up", engine=used.engine.name) == 1


async def test_the_exposition_takes_no_word_from_a_client(used: Served) -> None:
    await used.post(CHAT, {"model": "evil-label", "messages": [{"role": "user", "content": rag()}]})
    shown = (await used.client.get("/metrics")).text
    assert "evil-label" not in shown
    families = list(text_string_to_metric_families(shown))
    assert all(family.name.startswith("semtoken_") for family in families)
    # The request for the metrics itself.
    assert "semtoken_inflight_requests 1.0" in shown
