"""LangChain and LlamaIndex, in their own environment and processes, against the gateway."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from fakes.engine import MODEL, WORDS, FakeEngine
from fakes.serving import Served
from fakes.texts import NEEDLE, rag

ROOT = Path(__file__).resolve().parents[3]
PYTHON = ROOT / ".venv-clients/bin/python"
# However busy the machine: the clients import for long.
PATIENT_S = 240
SAID = "".join(WORDS)

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="no .venv-clients: `make clients` makes it")


async def answered(program: str, served: Served) -> Any:
    """What a program of ``tests/clients`` prints."""
    # Without our own packages, proxies, and the services that these libraries would tell of what they do.
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")}
    process = await asyncio.create_subprocess_exec(
        PYTHON,
        str(ROOT / "tests/clients" / program),
        served.url,
        MODEL,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**kept, "LANGSMITH_TRACING": "false", "TIKTOKEN_CACHE_DIR": "/nonexistent"},
    )
    try:
        async with asyncio.timeout(PATIENT_S):
            out, err = await process.communicate(rag().encode())
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, err.decode()
    return json.loads(out)


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
