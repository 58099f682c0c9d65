"""The examples of docs/integrations, as they stand there, against a gateway that asks for a key."""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import yaml
from fakes.engine import MODEL, WORDS, FakeEngine
from fakes.keys import entry, write_keys
from fakes.processes import free_port
from fakes.programs import CLIENTS, environment, output_of
from fakes.serving import Served, gateway
from fakes.texts import NEEDLE, QUESTION, document
from semtoken.bundled import bundled_models
from unit.docs.documents import DOCS, Block, blocks

FOLDER = DOCS / "integrations"
KEY = "sk-of-the-page"
# LiteLLM's proxy refuses one that looks weak.
MASTER_KEY = "sk-5f0a2c9e71d84b36a0e4f7c81b92d65e"
PROXY = "http://127.0.0.1:4000"
SAID = re.escape("".join(WORDS))
COUNTS = r"compressed \d+ -> \d+"
READY_S = 180.0

# What the blocks of each page print together, line by line, as patterns.
PRINTED = {
    "openai": [SAID, COUNTS, SAID, "compressed", "off mode_off", SAID, SAID, "compressed", "400 ratio"],
    "langchain": [SAID, COUNTS, "True", "compressed", SAID, "off", SAID, "compressed"],
    "llama-index": [SAID, COUNTS, SAID, "compressed", "off"],
    "litellm": [SAID, COUNTS, "compressed", "compressed", SAID, "400 True"],
}
# Requests that reach the engine, and those of them that are compressed.
FORWARDED = {"openai": (4, 3), "langchain": (4, 3), "llama-index": (3, 2), "litellm": (2, 2)}


def on_page(page: str, language: str) -> list[Block]:
    return [block for block in blocks(FOLDER / f"{page}.md") if block.language == language]


def program(found: list[Block], url: str) -> str:
    """The blocks as one program, for this gateway and its model."""
    text = "\n".join(block.text for block in found)
    return text.replace("http://127.0.0.1:8080", url).replace(bundled_models().llm.name, MODEL)


def python_of(page: str) -> str:
    """OpenAI's client is in our own environment; skips where that of the others is missing."""
    if page == "openai":
        return sys.executable
    if not (CLIENTS / "python").exists():
        pytest.skip("no .venv-clients: `make clients` makes it")
    return str(CLIENTS / "python")


@pytest.fixture
async def guarded(engine: FakeEngine, tmp_path: Path) -> AsyncIterator[Served]:
    """A gateway that lets nobody in but with ``KEY``, and the file that the examples read."""
    (tmp_path / "report.txt").write_text(document())
    async with gateway(engine, keys_file=write_keys(tmp_path / "keys.yaml", entry(KEY))) as served:
        yield served


def test_every_page_is_tried() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(PRINTED)


@pytest.mark.parametrize("page", PRINTED)
async def test_the_examples_of_a_page(page: str, guarded: Served, engine: FakeEngine, tmp_path: Path) -> None:
    found = [block for block in on_page(page, "python") if PROXY not in block.text]
    script = tmp_path / "example.py"
    script.write_text(program(found, guarded.url))
    out = await output_of([python_of(page), script], folder=tmp_path, given={"SEMTOKEN_API_KEY": KEY})
    assert re.fullmatch("\n".join(PRINTED[page]), out.strip()), out
    assert_forwarded(engine, *FORWARDED[page])
    # What the engine never saw was refused, and once.
    refused = sum("400" in line for line in PRINTED[page])
    assert guarded.metric("semtoken_requests_total", route="/v1/chat/completions", code="400") == refused


def assert_forwarded(engine: FakeEngine, requests: int, compressed: int) -> None:
    assert len(engine.received) == requests
    assert len([received for received in engine.received if len(received.body) < 0.6 * len(document())]) == compressed
    for received in engine.received:
        assert NEEDLE.encode() in received.body
        assert QUESTION.encode() in received.body
        assert b"semtoken" not in received.body
        assert KEY not in received.headers["authorization"]


async def test_litellm_s_proxy_in_front(guarded: Served, engine: FakeEngine, tmp_path: Path) -> None:
    python_of("litellm")
    (config,) = on_page("litellm", "yaml")
    (command,) = on_page("litellm", "sh")
    (tmp_path / "litellm.yaml").write_text(program([config], guarded.url))
    port = free_port()
    words = shlex.split(command.text.replace(":4000", f":{port}").replace(" 4000", f" {port}"))
    async with running(words, f"http://127.0.0.1:{port}/health/liveliness", tmp_path):
        found = [block for block in on_page("litellm", "python") if PROXY in block.text]
        text = program(found, guarded.url).replace(PROXY, f"http://127.0.0.1:{port}")
        keys = {"LITELLM_MASTER_KEY": MASTER_KEY}
        out = await output_of([sys.executable, "-"], stdin=text, folder=tmp_path, given=keys)
    assert out.splitlines() == ["compressed compressed compressed", "whole off off", "asked for compressed"]
    assert_forwarded(engine, 3, 2)


@asynccontextmanager
async def running(command: list[str], ready: str, folder: Path) -> AsyncIterator[None]:
    """A server out of the clients' environment, from when it answers at ``ready``."""
    keys = {"SEMTOKEN_API_KEY": KEY, "LITELLM_MASTER_KEY": MASTER_KEY}
    log = folder / "server.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            CLIENTS / command[0], *command[1:], cwd=folder, env=environment(keys), stdout=output, stderr=output
        )
    try:
        async with asyncio.timeout(READY_S), httpx.AsyncClient(trust_env=False) as client:
            while not await answers(client, ready):
                if process.returncode is not None:
                    raise AssertionError(log.read_text())
                await asyncio.sleep(0.2)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(60):
            await process.wait()


async def answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).is_success
    except httpx.TransportError:
        return False


def test_the_proxy_s_models_are_the_gateway_s() -> None:
    (config,) = on_page("litellm", "yaml")
    models = [each["litellm_params"] for each in yaml.safe_load(config.text)["model_list"]]
    assert {each["model"] for each in models} == {f"openai/{bundled_models().llm.name}"}
