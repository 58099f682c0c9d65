"""Schemathesis sends what the OpenAPI document allows and what it does not; nothing is a 500, nothing hangs."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import orjson
import pytest
from fakes.encoders import small_tokenizer
from fakes.engine import FakeEngine
from fakes.serving import gateway

EXAMPLES = 60
SECONDS = 20.0
"""For one request, however busy the machine: over it, it hangs."""
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


async def fuzzed(url: str, folder: Path) -> tuple[int, str]:
    """The exit status of a run of schemathesis and what it printed."""
    arguments = [
        *("run", f"{url}/openapi.json", "--checks", CHECKS, "--phases", "examples,coverage,fuzzing"),
        *("--max-examples", str(EXAMPLES), "--generation-deterministic", "--request-timeout", str(SECONDS)),
        *("--workers", "1", "--no-color", "--continue-on-failure", "--warnings", "off", "--mode", "all"),
    ]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", *arguments),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


@pytest.mark.timeout(900)
async def test_whatever_is_sent_is_answered_in_order(tmp_path: Path) -> None:
    async with FakeEngine(small_tokenizer(), refuses_odd=True) as engine, gateway(engine) as served:
        status, printed = await fuzzed(served.url, tmp_path)
        assert status == 0, printed[-20_000:]
        # The gateway is as it was, and its options stayed with it.
        assert (await served.client.get("/health/ready")).status_code == 200
        assert len(engine.received) > EXAMPLES
        for received in engine.received:
            assert not any(name.startswith("x-semtoken") for name in received.headers)
            body = orjson.loads(received.body)
            assert "semtoken" not in body, received.body
            assert not {"prompt_embeds", "kv_transfer_params", "ec_transfer_params"} & set(body), received.body
