"""The scenarios as plain Locust files, each in a Locust of its own, since Locust patches its process."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from loadtest.prompts.files import write
from loadtest.prompts.sequence import sequence
from loadtest.sending.arrivals import poisson
from loadtest.sending.record import read

ROOT = Path(__file__).resolve().parents[3]
ANSWER = (
    b'data: {"choices":[{"index":0,"delta":{"content":"Yes"}}]}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1}}\n\ndata: [DONE]\n\n'
)


class Engine:
    """Answers none before as many are there as ``together`` says."""

    def __init__(self, together: int = 1) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[str] = []
        self._together = together
        self._complete = asyncio.Event()

    async def models(self, _request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "fake-model"}]})

    async def chat(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        self.headers.append(request.headers.get("x-semtoken-mode", ""))
        if len(self.bodies) >= self._together:
            self._complete.set()
        await self._complete.wait()
        # The closed loop asks again at once.
        await asyncio.sleep(0.05)
        return web.Response(body=ANSWER, content_type="text/event-stream")


@asynccontextmanager
async def serving(engine: Engine) -> AsyncIterator[str]:
    app = web.Application(client_max_size=2**24)
    app.router.add_get("/v1/models", engine.models)
    app.router.add_post("/v1/chat/completions", engine.chat)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def locust(name: str, url: str, *arguments: str) -> tuple[int, str]:
    argv = [sys.executable, "-m", "locust", "-f", f"loadtest/scenarios/{name}.py", "--headless", "--host", url]
    argv += ["--run-time", "3s", "--stop-timeout", "60", *arguments]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, cwd=ROOT, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def test_the_open_loop_sends_all_that_is_planned_before_any_answer(tmp_path: Path) -> None:
    planned = list(poisson(4.0, 7, 3.0))
    engine = Engine(together=len(planned))
    records, prompts = tmp_path / "records.jsonl", tmp_path / "prompts.jsonl"
    write(sequence(["chat"], None), prompts)
    flags = [
        "--arrival-rate",
        "4",
        "--seed",
        "7",
        "--prompts",
        str(prompts),
        "--records",
        str(records),
        "--mode",
        "off",
    ]
    async with serving(engine) as url:
        status, output = await locust("chat", url, *flags)
    assert status == 0, output
    assert len(engine.bodies) == len(planned) > 4
    assert set(engine.headers) == {"off"}
    found = sorted(read(records), key=lambda record: record.due)
    assert not any(record.error for record in found)
    assert [record.due for record in found] == pytest.approx(planned)


@pytest.mark.parametrize("name", ["rag", "agent", "summarise", "chat"])
async def test_a_closed_loop_of_each_scenario(name: str, tmp_path: Path) -> None:
    engine, records, prompts = Engine(), tmp_path / "records.jsonl", tmp_path / "prompts.jsonl"
    write(sequence([name], None), prompts)
    async with serving(engine) as url:
        flags = ["--users", "2", "--prompts", str(prompts), "--records", str(records)]
        status, output = await locust(name, url, *flags)
    assert status == 0, output
    assert {record.scenario for record in read(records)} == {name}
    assert all(body["model"] == "fake-model" and body["stream"] for body in engine.bodies)
    assert "first token" in output
    assert len({body["messages"][0]["content"].partition("\n")[0] for body in engine.bodies}) == 1


async def test_prompts_are_made_where_none_are_given(tmp_path: Path) -> None:
    engine, records = Engine(), tmp_path / "records.jsonl"
    async with serving(engine) as url:
        status, output = await locust("mix", url, "--scenario", "rag,chat", "--records", str(records))
    assert status == 0, output
    assert {record.scenario for record in read(records)} == {"rag", "chat"}


async def test_a_host_that_is_not_there_ends_it(tmp_path: Path) -> None:
    write(sequence(["chat"], None), tmp_path / "prompts.jsonl")
    status, output = await locust("chat", "http://127.0.0.1:9", "--prompts", str(tmp_path / "prompts.jsonl"))
    assert status != 0
    assert "refused" in output


def test_locust_patches_no_process_but_its_own() -> None:
    """What pytest and the command import of the load test must leave sockets and threads as they are."""
    assert "gevent.monkey" not in sys.modules
    assert json.dumps(sorted(name for name in sys.modules if name.startswith("locust"))) == "[]"
