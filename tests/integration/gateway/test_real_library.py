"""The gateway with the real library: the bundled encoder and the small LLM's tokenizer and template."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fakes.engine import FakeEngine
from fakes.serving import ENGINE_KEY, Served, client_of, gateway, serving, until_ready
from fakes.texts import NEEDLE, QUESTION, document
from semtoken import Compressor
from semtoken.bundled import BundledModels
from semtoken_server.asgi import build_app
from semtoken_server.settings import Settings

pytestmark = pytest.mark.model

CHAT = "/v1/chat/completions"
LONG = [
    {"role": "system", "content": "You answer from the documents only."},
    {"role": "user", "content": f"{document(90)}\n\nWho visited the garden?"},
    {"role": "assistant", "content": "Several people did."},
    {"role": "user", "content": QUESTION},
]


@pytest.fixture
async def real_engine(compressor: Compressor) -> AsyncIterator[FakeEngine]:
    async with FakeEngine(compressor.tokenizer) as engine:
        yield engine


@pytest.fixture
async def real(real_engine: FakeEngine, compressor: Compressor) -> AsyncIterator[Served]:
    async with gateway(real_engine, lambda _tokenizer: compressor, min_tokens=512, compress_timeout_s=120) as served:
        yield served


async def test_a_long_chat_is_compressed_and_the_needle_is_there(real: Served, compressor: Compressor) -> None:
    response = await real.post(CHAT, {"model": "fake-model", "messages": LONG})
    assert response.headers["x-semtoken-status"] == "compressed", response.text
    forwarded = real.engine.last.json["messages"]
    assert NEEDLE in forwarded[1]["content"] + forwarded[3]["content"]
    assert forwarded[3]["content"].endswith(QUESTION)
    assert [forwarded[0], forwarded[2]] == [LONG[0], LONG[2]]
    count = compressor.tokenizer.count_messages
    told = response.headers
    assert int(told["x-semtoken-original-tokens"]) == count(LONG)
    # The engine counts the rendered chat with its own tokenizer.
    assert int(told["x-semtoken-forwarded-tokens"]) == count(forwarded) == response.json()["usage"]["prompt_tokens"]
    assert count(LONG) > 1.8 * count(forwarded)


async def test_a_later_turn_keeps_the_earlier_prefix(real: Served) -> None:
    await real.post(CHAT, {"messages": LONG[:2]})
    first = real.engine.last.json["messages"]
    await real.post(CHAT, {"messages": LONG})
    assert real.engine.last.json["messages"][:2] == first


async def test_a_completion_keeps_the_needle(real: Served, compressor: Compressor) -> None:
    prompt = f"{document(90)}\n\nQuestion: {QUESTION}\nAnswer:"
    response = await real.post("/v1/completions", {"prompt": prompt})
    ids = real.engine.last.json["prompt"]
    text = compressor.tokenizer.decode(ids)
    assert NEEDLE in text
    assert text.endswith("\nAnswer:")
    assert len(ids) == int(response.headers["x-semtoken-forwarded-tokens"])
    kept = len(ids) / int(response.headers["x-semtoken-original-tokens"])
    assert kept == pytest.approx(1 / 2.4, abs=0.02)


@asynccontextmanager
async def built(engine: FakeEngine, models: BundledModels, encoder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway that the command line would serve."""
    settings = Settings.load(
        engine_urls=(engine.url,),
        engine_api_key=ENGINE_KEY,
        tokenizer=str(models.llm),
        encoder=str(encoder),
        device="cpu",
        compress_timeout_s=120,
    )
    async with serving(build_app(settings)) as url, client_of(url) as client:
        await until_ready(client)
        yield client


async def test_as_the_command_line_builds_it(real_engine: FakeEngine, models: BundledModels) -> None:
    async with built(real_engine, models, models.encoder) as client:
        response = await client.post(CHAT, json={"messages": LONG})
        assert response.headers["x-semtoken-status"] == "compressed"
        assert real_engine.last.headers["authorization"] == f"Bearer {ENGINE_KEY}"


async def test_without_its_encoder_the_gateway_forwards(
    real_engine: FakeEngine, models: BundledModels, tmp_path: Path
) -> None:
    async with built(real_engine, models, tmp_path / "none") as client:
        response = await client.post(CHAT, json={"messages": LONG})
        assert response.headers["x-semtoken-status"] == "failed-open"
        assert response.headers["x-semtoken-reason"] == "encoder_missing"
        assert real_engine.last.json["messages"] == LONG
