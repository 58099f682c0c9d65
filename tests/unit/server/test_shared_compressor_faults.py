"""A compressor process that is stopped or killed: its workers fail open at once and find it again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from fakes.compressors import sound
from fakes.serving import eventually
from semtoken import CompressionOptions
from semtoken_server.compression.shared.client import SharedCompressor
from semtoken_server.compression.shared.host import CompressorHost
from semtoken_server.compression.thread import ThreadCompressor
from semtoken_server.errors import CompressionUnavailableError

OPTIONS = CompressionOptions(mode="force", ratio=2.0)
TEXT = "The mill stands by the river. It was built in 1821 by Anna Weber. Ducks live there. " * 12
DEADLINE_S = 5.0

Start = Callable[[], subprocess.Popen[bytes]]


def host(socket: Path) -> None:
    """The process itself."""
    backend = ThreadCompressor(sound, max_queue=8, threads=2)
    asyncio.run(CompressorHost(backend).serve(socket))


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def another() -> subprocess.Popen[bytes]:
        path = tmp_path / "compressor.sock"
        path.unlink(missing_ok=True)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        started.append(subprocess.Popen([sys.executable, __file__, str(path)], env=environment))
        return started[-1]

    yield another
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[SharedCompressor]:
    client = SharedCompressor(tmp_path / "compressor.sock")
    yield client
    await client.close()


async def reasons(client: SharedCompressor, number: int) -> list[str]:
    """What became of so many compressions at once."""

    async def one() -> str:
        try:
            await client.compress_text(TEXT, None, OPTIONS, timeout_s=DEADLINE_S)
        except CompressionUnavailableError as error:
            return error.reason
        return "ok"

    return await asyncio.gather(*(one() for _ in range(number)))


async def test_a_stopped_process_costs_one_deadline(start: Start, worker: SharedCompressor) -> None:
    process = start()
    await worker.start("small")
    assert await reasons(worker, 4) == ["ok"] * 4
    process.send_signal(signal.SIGSTOP)
    assert await reasons(worker, 4) == ["deadline"] * 4
    began = time.monotonic()
    for _ in range(5):
        assert await reasons(worker, 4) == ["encoder_stalled"] * 4
    # Five deadlines would be five times as long.
    assert time.monotonic() - began < DEADLINE_S
    process.send_signal(signal.SIGCONT)
    await came_back(worker)
    assert await reasons(worker, 4) == ["ok"] * 4


async def test_a_killed_process_is_found_again(start: Start, worker: SharedCompressor) -> None:
    process = start()
    await worker.start("small")
    assert await reasons(worker, 1) == ["ok"]
    process.send_signal(signal.SIGSTOP)  # so that what is asked now is under way when it is killed
    waiting = asyncio.create_task(reasons(worker, 4))
    await eventually(lambda: worker.queue_depth == 4)
    process.kill()
    process.wait()
    assert await waiting == ["encoder_error"] * 4
    assert await reasons(worker, 4) == ["encoder_error"] * 4
    start()
    await came_back(worker)
    assert await reasons(worker, 4) == ["ok"] * 4


async def test_a_stalled_process_that_is_killed_is_found_again(start: Start, worker: SharedCompressor) -> None:
    process = start()
    await worker.start("small")
    process.send_signal(signal.SIGSTOP)
    assert await reasons(worker, 1) == ["deadline"]
    process.kill()
    process.wait()
    await eventually(lambda: worker.state.phase == "failed")
    assert await reasons(worker, 1) == ["encoder_error"]
    start()
    await came_back(worker)
    assert await reasons(worker, 1) == ["ok"]


async def came_back(worker: SharedCompressor) -> None:
    async with asyncio.timeout(120):
        while await reasons(worker, 1) != ["ok"]:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    host(Path(sys.argv[1]))
