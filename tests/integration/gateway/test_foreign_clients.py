"""LangChain, LlamaIndex and LiteLLM, in their own environment and processes, against the gateway."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fakes.engine import MODEL, WORDS, FakeEngine
from fakes.programs import CLIENTS, output_of
from fakes.serving import Served
from fakes.texts import NEEDLE, rag

PROGRAMS = Path(__file__).resolve().parents[2] / "clients"
SAID = "".join(WORDS)

pytestmark = pytest.mark.skipif(not (CLIENTS / "python").exists(), reason="no .venv-clients: `make clients` makes it")


async def answered(program: str, served: Served) -> Any:
    """What a program of ``tests/clients`` prints."""
    return json.loads(await output_of([CLIENTS / "python", PROGRAMS / program, served.url, MODEL], stdin=rag()))


async def test_langchain(served: Served, engine: FakeEngine) -> None:
    got = await answered("langchain_chat.py", served)
    told = {**got}
    usage = told.pop("usage")
    assert told.pop("streamed_usage") == usage
    assert told == {
        "whole": SAID,
        "streamed": list(WORDS),
        "batch": [SAID, SAID],
        "tools": SAID,
        "responses": SAID,
        "responses_streamed": list(WORDS),
    }
    assert [received.path for received in engine.received].count("/v1/responses") == 2
    assert len(engine.received) == 7
    for received in engine.received:
        assert NEEDLE.encode() in received.body
        assert len(received.body) < 0.7 * len(rag())
    assert any("tools" in received.json for received in engine.received)


async def test_llama_index(served: Served, engine: FakeEngine) -> None:
    got = await answered("llama_index_chat.py", served)
    assert got == {
        "whole": SAID,
        "streamed": list(WORDS),
        "completion": SAID,
        "completion_streamed": list(WORDS),
    }
    chats = [received for received in engine.received if received.path == "/v1/chat/completions"]
    assert len(chats) == 2
    assert len(engine.received) == 4
    for received in chats:
        assert len(received.body) < 0.6 * len(rag())


async def test_litellm(served: Served, engine: FakeEngine) -> None:
    got = await answered("litellm_chat.py", served)
    assert got == {
        "whole": SAID,
        "usage": True,
        "streamed": list(WORDS),
        "batch": [SAID, SAID],
        "tools": SAID,
        "completion": SAID,
    }
    chats = [received for received in engine.received if received.path == "/v1/chat/completions"]
    assert len(chats) == 5
    assert len(engine.received) == 6
    for received in chats:
        assert NEEDLE.encode() in received.body
        assert len(received.body) < 0.6 * len(rag())
    assert any("tools" in received.json for received in engine.received)
