"""The compressor behind a Unix socket gives what it gives in the same process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes.compressors import GatedCompressor, Load, crashing, missing, sound, with_model
from fakes.serving import eventually
from fakes.tiny_models import make_llama
from semtoken import CompressionOptions, InvalidInputError
from semtoken_server.compression.shared import wire
from semtoken_server.compression.shared.client import SharedCompressor
from semtoken_server.compression.shared.host import CompressorHost
from semtoken_server.compression.thread import ThreadCompressor
from semtoken_server.errors import CompressionUnavailableError

OPTIONS = CompressionOptions(mode="force", ratio=2.0)
TEXT = "The mill stands by the river. It was built in 1821 by Anna Weber. Ducks live there. " * 12
CHAT = [{"role": "user", "content": f"{TEXT}\n\nWho built the mill?"}]


@asynccontextmanager
async def hosted(folder: Path, load: Load = sound, **limits: Any) -> AsyncIterator[Path]:
    """A compressor's host on a socket, in the test's own loop."""
    path = folder / "compressor.sock"
    backend = ThreadCompressor(load, **{"max_queue": 8, "threads": 2, **limits})
    serving = asyncio.create_task(CompressorHost(backend).serve(path))
    await eventually(path.exists)
    try:
        yield path
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


@asynccontextmanager
async def connected(path: Path) -> AsyncIterator[SharedCompressor]:
    client = SharedCompressor(path)
    await client.start("small")
    try:
        yield client
    finally:
        await client.close()


def untimed(form: Any) -> Any:
    """A result without its times."""
    plain = wire.decode(wire.encode(form), dict)
    parts = [{**part, "result": {**part["result"], "timings_ms": {}}} for part in plain.get("parts", ())]
    return {**plain, "timings_ms": {}, "parts": parts}


async def test_every_kind_of_work_comes_back_as_it_was_made(tmp_path: Path) -> None:
    library = sound()
    async with hosted(tmp_path) as path, connected(path) as client:
        assert client.state.phase == "ready"
        chat = (await client.compress_messages(CHAT, OPTIONS, None, timeout_s=30)).value
        assert untimed(chat) == untimed(library.compress_messages(CHAT, OPTIONS))
        assert isinstance(chat, type(library.compress_messages(CHAT, OPTIONS)))
        text = (await client.compress_text(TEXT, "Who built it?", OPTIONS, timeout_s=30)).value
        assert untimed(text) == untimed(library.compress(TEXT, "Who built it?", OPTIONS))
        (prompt,) = (await client.compress_prompts([TEXT], OPTIONS, special_tokens=True, timeout_s=30)).value
        assert list(prompt.ids) == library.tokenizer.ids(prompt.result.text)
        assert (await client.token_ids([TEXT, ""], timeout_s=30)).value == [library.tokenizer.ids(TEXT), []]


async def test_vectors_come_back_to_the_bit(tmp_path: Path) -> None:
    make_llama().save_pretrained(tmp_path / "model")
    load = with_model(tmp_path / "model")
    async with hosted(tmp_path, load) as path, connected(path) as client:
        ids, vectors = (await client.embeddings("The mill", timeout_s=30)).value
    expected = load("").embed(ids)
    assert vectors.dtype == expected.dtype
    np.testing.assert_array_equal(vectors, expected)


async def test_a_fault_of_the_request_stays_one(tmp_path: Path) -> None:
    async with hosted(tmp_path) as path, connected(path) as client:
        with pytest.raises(InvalidInputError) as raised:
            await client.compress_messages([{"role": "user", "content": 7}], OPTIONS, None, timeout_s=30)
        assert raised.value.param == "messages[0].content"
        with pytest.raises(InvalidInputError):
            await client.compress_text("\ud800", None, OPTIONS, timeout_s=30)
        assert (await client.compress_text(TEXT, None, OPTIONS, timeout_s=30)).value.original == TEXT


@pytest.mark.parametrize(("load", "reason"), [(missing, "encoder_missing"), (crashing(MemoryError()), "encoder_error")])
async def test_what_cannot_be_loaded_or_fails_says_so(tmp_path: Path, load: Load, reason: str) -> None:
    async with hosted(tmp_path, load) as path, connected(path) as client:
        with pytest.raises(CompressionUnavailableError) as raised:
            await client.compress_text(TEXT, None, OPTIONS, timeout_s=30)
        assert raised.value.reason == reason


async def test_workers_share_one_queue_and_one_bound(tmp_path: Path) -> None:
    compressor = GatedCompressor()
    async with (
        hosted(tmp_path, compressor.load, max_queue=1, threads=1) as path,
        connected(path) as one,
        connected(path) as other,
    ):
        running = asyncio.create_task(one.compress_text(TEXT, None, OPTIONS, timeout_s=30))
        await compressor.entered()
        waiting = asyncio.create_task(other.compress_text(TEXT, None, OPTIONS, timeout_s=30))
        await eventually(lambda: other.queue_depth == 1)
        await asyncio.sleep(0.05)
        with pytest.raises(CompressionUnavailableError) as raised:
            await one.compress_text(TEXT, None, OPTIONS, timeout_s=30)
        assert raised.value.reason == "queue_full"
        compressor.gate.set()
        await asyncio.gather(running, waiting)


async def test_what_is_given_up_is_never_computed(tmp_path: Path) -> None:
    compressor = GatedCompressor()
    async with hosted(tmp_path, compressor.load, threads=1) as path, connected(path) as client:
        running = asyncio.create_task(client.compress_text("first", None, OPTIONS, timeout_s=30))
        await compressor.entered()
        with pytest.raises(CompressionUnavailableError) as raised:
            await client.compress_text("late", None, OPTIONS, timeout_s=0.05)
        assert raised.value.reason == "deadline"
        left = asyncio.create_task(client.compress_text("left", None, OPTIONS, timeout_s=30))
        await eventually(lambda: client.queue_depth == 2)
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)
        await asyncio.sleep(0.1)  # for the word to reach the other end
        compressor.gate.set()
        await running
        await client.compress_text("last", None, OPTIONS, timeout_s=30)
    assert compressor.begun == ["first", "last"]


async def test_a_process_that_dies_fails_what_it_had_and_is_found_again(tmp_path: Path) -> None:
    compressor = GatedCompressor()
    async with connected_to_dying(tmp_path, compressor) as client:
        assert client.state.phase == "failed"
        with pytest.raises(CompressionUnavailableError) as raised:
            await client.compress_text(TEXT, None, OPTIONS, timeout_s=30)
        assert raised.value.reason == "encoder_error"
        async with hosted(tmp_path):
            await eventually(lambda: client.state.phase == "ready")
            assert (await client.compress_text(TEXT, None, OPTIONS, timeout_s=30)).value.original == TEXT


@asynccontextmanager
async def connected_to_dying(folder: Path, compressor: GatedCompressor) -> AsyncIterator[SharedCompressor]:
    """A client whose host went away while it waited for an answer."""
    async with hosted(folder, compressor.load, threads=1) as path:
        client = SharedCompressor(path)
        await client.start("small")
        waiting = asyncio.create_task(client.compress_text(TEXT, None, OPTIONS, timeout_s=30))
        await compressor.entered()
    with pytest.raises(CompressionUnavailableError):
        await waiting
    compressor.gate.set()
    try:
        yield client
    finally:
        await client.close()


async def test_another_tokenizer_is_refused(tmp_path: Path) -> None:
    async with hosted(tmp_path) as path, connected(path):
        other = SharedCompressor(path)
        await other.start("another")
        assert other.state.phase == "failed"
        assert "'another'" in other.state.detail
        await other.close()


async def test_what_is_no_request_ends_that_connection_alone(tmp_path: Path) -> None:
    async with hosted(tmp_path) as path, connected(path) as client:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write((7).to_bytes(4, "big") + b"nothing")
        assert await reader.read() == b""
        writer.close()
        assert (await client.compress_text(TEXT, None, OPTIONS, timeout_s=30)).value.original == TEXT
