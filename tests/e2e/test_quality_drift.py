"""The quality contract with a real vLLM: what the drift says of prompts that are whole, compressed and destroyed."""

from __future__ import annotations

import asyncio
import logging
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from e2e.real_gateway import RealGateway
from fakes.serving import client_of, serving, until_ready
from semtoken import CompressionOptions, Compressor
from semtoken.evaluation.bundled import bundled_demo
from semtoken_server.app import create_app
from semtoken_server.compression.build import build_thread_compressor
from semtoken_server.engines.base import EngineRequest
from semtoken_server.engines.policy import Policy
from semtoken_server.engines.pool import EnginePool
from semtoken_server.metrics import Metrics
from semtoken_server.quality.prompts import Answer
from semtoken_server.quality.replay import Exchange, Replayer
from semtoken_server.settings import CompressionDefaults, Settings

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]

logger = logging.getLogger(__name__)

CHAT = "/v1/chat/completions"
DEMO = bundled_demo()
# Short: to score a token of a prompt costs vLLM's CPU build twenty times what it costs to read it.
PROMPT = f"{' '.join(DEMO.document.split()[:150])}\n\nQuestion: {DEMO.question}"
FORCED = CompressionOptions(mode="force", ratio=4.0)
OTHER = "Write a recipe for a chocolate cake."
SAMPLES = 3


@asynccontextmanager
async def engine_of(gateway: RealGateway) -> AsyncIterator[EnginePool]:
    engine = EnginePool([gateway.engine_url], Metrics(), Policy.of(Settings.load(engine_urls=(gateway.engine_url,))))
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


def chat(model: str, content: str) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": content}]}


async def drifts(engine: EnginePool, original: dict[str, Any], forwarded: dict[str, Any]) -> list[float]:
    """Of so many answers drawn after ``forwarded``; without a seed, with which vLLM's CPU build dies (0.32)."""
    figures = []
    for number in range(SAMPLES):
        body = orjson.dumps({**forwarded, "max_tokens": 32, "temperature": 1.0})
        response = await engine.send(EngineRequest("POST", CHAT, body, {"content-type": "application/json"}))
        content = await response.read()
        assert response.status == 200, content
        told = orjson.loads(content)
        usage = told["usage"]
        answer = Answer(told["choices"][0]["message"]["content"], usage["completion_tokens"])
        exchange = Exchange(CHAT, f"sample-{number}", original, forwarded, answer, usage["prompt_tokens"])
        figures.append(await Replayer(engine).drift(exchange))
    return figures


async def test_the_drift_tells_whole_compressed_and_destroyed_prompts_apart(
    gateway: RealGateway, compressor: Compressor
) -> None:
    whole = chat(gateway.model, PROMPT)
    shortened = {**whole, "messages": list(compressor.compress_messages(whole["messages"], FORCED).messages)}
    destroyed = chat(gateway.model, OTHER)
    async with engine_of(gateway) as engine:
        began = time.monotonic()
        same = await drifts(engine, whole, whole)
        took = (time.monotonic() - began) / SAMPLES
        less = await drifts(engine, whole, shortened)
        ruined = await drifts(engine, whole, destroyed)
    logger.info("nats per token: same %s, compressed %s, destroyed %s; %.1f s a sample", same, less, ruined, took)
    # What rounding does, the prompt being computed in other pieces.
    assert max(map(abs, same)) < 0.02
    assert statistics.fmean(less) > statistics.fmean(same)
    assert statistics.fmean(ruined) > 0.5
    assert statistics.fmean(ruined) > statistics.fmean(less)


async def test_live_traffic_is_measured_and_bad_compression_switched_off(gateway: RealGateway) -> None:
    settings = Settings.load(
        engine_urls=(gateway.engine_url,),
        compress_timeout_s=300,
        compression=CompressionDefaults(ratio=4.0, min_tokens=64),
        quality_share=1.0,
        quality_min_samples=10,
        quality_max_drift=0.0001,
        quality_timeout_s=300,
    )
    metrics = Metrics()
    engine = EnginePool(settings.engine_urls, metrics, Policy.of(settings))
    app = create_app(settings, engine=engine, compressor=build_thread_compressor(settings, metrics), metrics=metrics)
    async with serving(app) as url, client_of(url) as client:
        await until_ready(client)

        async def scored() -> float:
            samples = (line.rsplit(" ", 1) for line in (await client.get("/metrics")).text.splitlines())
            counted = dict(sample for sample in samples if len(sample) == 2)
            return float(counted.get('semtoken_quality_replays_total{outcome="scored"}', 0))

        body = {**chat(gateway.model, PROMPT), "max_tokens": 16}
        for number in range(40):
            streamed = bool(number % 2)
            answer = await client.post(CHAT, json={**body, "stream": streamed})
            if answer.headers["x-semtoken-status"] != "compressed":
                break
            async with asyncio.timeout(300):
                while await scored() <= number:  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0.2)
        told = (await client.get("/health/ready")).json()["quality"]
        logger.info("after %d samples: %s", number, told)
        assert answer.headers["x-semtoken-reason"] == "quality_switched_off"
        assert number >= 10
        completion = {"model": gateway.model, "prompt": body["messages"][0]["content"], "max_tokens": 4}
        forced = await client.post("/v1/completions", json={**completion, "semtoken": {"mode": "force"}})
        assert forced.headers["x-semtoken-status"] == "compressed"
