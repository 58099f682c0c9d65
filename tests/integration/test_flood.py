"""A flood of bad requests against a real process: its memory stays where it was, and it goes on serving."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
from fakes.encoders import small_tokenizer
from fakes.engine import MODEL, FakeEngine
from fakes.keys import entry, write_keys

CHAT = "/v1/chat/completions"
CANARY = "canary-in-the-prompt"
KEY = "sk-semtoken-the-good-key"
MOST_BYTES = 200 * 2**20
REQUESTS = 240
AT_ONCE = 64
TEXT = f"{CANARY} hello world, this is text. " * 25_000
"""300,000 tokens of running text and more."""

BODIES: tuple[tuple[bytes, int], ...] = (
    (orjson.dumps({"messages": [{"role": "user", "content": TEXT}]})[:-3], 400),
    (orjson.dumps({"messages": [{"role": "user", "content": TEXT}], "kv_transfer_params": {}}), 400),
    (orjson.dumps({"messages": [{"role": 5, "content": TEXT}]}), 400),
    (orjson.dumps({"messages": [{"role": "user", "content": TEXT}], "semtoken": {"ratio": 99}}), 400),
    (orjson.dumps({"messages": [{"content": "hello"}] * 80_000}), 400),
    (orjson.dumps({"messages": [{"role": "user", "content": [{"type": "text"}] * 80_000}]}), 400),
    (b'{"messages": [' + b"[]," * 300_000 + b"[]]}", 400),
    (b'{"a": [' + b"[]," * 700_000 + b"[]]}", 413),
    (b'{"a":' * 300_000, 413),
    (b'{"a":' * 100_000, 400),
)


@contextmanager
def gateway_process(folder: Path, engine: str) -> Iterator[tuple[int, Path]]:
    """A real gateway with one key, as verbose as it can be; its process and its log."""
    keys = write_keys(folder / "keys.yaml", entry(KEY, "good"))
    settings = {"SEMTOKEN_KEYS_FILE": str(keys), "SEMTOKEN_LOG_LEVEL": "debug", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "semtoken_server.cli", "serve", "--engine-url", engine, "--port", "0"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **settings}, stdout=log, stderr=log)
    try:
        yield process.pid, folder / "log"
    finally:
        process.terminate()
        process.wait(timeout=60)


async def test_a_flood_of_long_bad_requests_takes_little_memory(tmp_path: Path) -> None:
    good = {"authorization": f"Bearer {KEY}"}
    hello = {"model": MODEL, "messages": [{"role": "user", "content": f"{CANARY} Hello"}]}
    async with FakeEngine(small_tokenizer()) as engine:
        with gateway_process(tmp_path, engine.url) as (pid, log):
            url = await asyncio.to_thread(listening, log)
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=120) as client:
                for _ in range(50):
                    assert (await client.post(CHAT, json=hello, headers=good)).status_code == 200
                before = memory(pid, "VmRSS")
                forget_peak(pid)
                counted = await flood(client, good)
                peak, after = memory(pid, "VmHWM"), memory(pid, "VmRSS")
                sys.stdout.write(f"MiB: {before >> 20} before, {peak >> 20} at most, {after >> 20} after; {counted}\n")
                assert peak - before < MOST_BYTES
                assert {400, 401, 413} <= counted.keys() <= {400, 401, 413, 429, 503}
                assert (await client.post(CHAT, json=hello, headers=good)).status_code == 200
                metrics = (await client.get("/metrics")).text
        assert len(engine.received) == 51
        for told in (await asyncio.to_thread(log.read_text), metrics):
            assert CANARY not in told
            assert KEY not in told


async def flood(client: httpx.AsyncClient, good: dict[str, str]) -> dict[int, int]:
    counted: dict[int, int] = {}
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        body, expected = BODIES[number % len(BODIES)]
        bad_key = number % 4 == 3
        content: Any = pieces(body) if number % 5 == 4 else body
        async with room:
            answer = await client.post(
                CHAT, content=content, headers={"authorization": "Bearer no"} if bad_key else good
            )
        assert answer.status_code in ({401} if bad_key else {expected, 429, 503}), answer.text[:200]
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
        counted[answer.status_code] = counted.get(answer.status_code, 0) + 1

    await asyncio.gather(*map(one, range(REQUESTS)))
    return counted


async def pieces(body: bytes) -> Any:
    for start in range(0, len(body), 65536):
        yield body[start : start + 65536]


def memory(pid: int, name: str) -> int:
    """Bytes."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def forget_peak(pid: int) -> None:
    """From here on VmHWM is the peak of what follows."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def listening(log: Path) -> str:
    """The address that the log tells once the gateway is ready; at most five minutes."""
    for _ in range(1500):
        if found := re.search(r"ready on (http://[\d.:]+)", log.read_text()):
            return found[1]
        time.sleep(0.2)
    raise TimeoutError(log.read_text()[-2000:])
