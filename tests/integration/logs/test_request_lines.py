"""What is logged while requests are served: with their ids, and nothing of what clients wrote."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fakes.compressors import Load, crashing, with_broken_encoder
from fakes.encoders import HashEncoder, small_tokenizer
from fakes.engine import WORDS, FakeEngine
from fakes.keys import entry, write_keys
from fakes.serving import eventually, gateway
from fakes.texts import NEEDLE, QUESTION, chat, rag
from semtoken import CompressionOptions, Compressor
from semtoken_server.compression.shared.client import SharedCompressor
from semtoken_server.compression.shared.host import CompressorHost
from semtoken_server.compression.thread import ThreadCompressor
from semtoken_server.errors import CompressionUnavailableError
from semtoken_server.logs.about import About, work_for
from semtoken_server.logs.json_lines import JsonLines

CHAT = "/v1/chat/completions"
KEY = "sk-3f9c1e7ab2d84650"


class Lines(logging.Handler):
    """Lines as they are written to a log of JSON."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.written.append(self.format(record))

    def of(self, logger: str) -> list[dict[str, Any]]:
        """Those of a logger, read again."""
        return [found for each in self.written if (found := json.loads(each))["logger"] == logger]


@pytest.fixture
def lines() -> Iterator[Lines]:
    lines, root = Lines(), logging.getLogger("semtoken_server")
    before = root.level
    root.addHandler(lines)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(lines)
    root.setLevel(before)


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    async with FakeEngine(small_tokenizer()) as engine:
        yield engine


async def test_each_request_is_a_line_with_what_became_of_it(engine: FakeEngine, lines: Lines) -> None:
    async with gateway(engine, log_requests=True) as served:
        lines.written.clear()
        whole = await served.post(CHAT, chat(rag()))
        stream = await served.post(f"{CHAT}?q=1", chat("Hello", stream=True))
        lost = await served.client.get("/v1/nothing")
        compressed = await served.post("/v1/compress", {"text": rag()})
    found = lines.of("semtoken_server.logs.requests")
    answers = (whole, stream, lost, compressed)
    assert [each["request_id"] for each in found] == [answer.headers["x-request-id"] for answer in answers]
    assert [each["status"] for each in found] == [200, 200, 404, 200]
    assert [each["route"] for each in found] == [CHAT, CHAT, "unmatched", "/v1/compress"]
    assert all(each["duration_s"] > 0 for each in found)
    first, second, third, fourth = found
    assert first["method"] == "POST"
    for name in ("original_tokens", "forwarded_tokens"):
        assert first[name] == int(whole.headers[f"x-semtoken-{name.replace('_', '-')}"])
        assert name not in second
        assert fourth[name] == compressed.json()[name.replace("forwarded", "compressed")]
    assert (first["semtoken_status"], first["semtoken_reason"]) == ("compressed", "ok")
    assert (second["semtoken_status"], second["semtoken_reason"]) == ("skipped", "too_short")
    assert "semtoken_status" not in third


async def test_by_default_a_request_is_no_line(engine: FakeEngine, lines: Lines) -> None:
    async with gateway(engine) as served:
        await served.post(CHAT, chat(rag()))
    assert lines.of("semtoken_server.logs.requests") == []


async def test_nothing_that_a_client_wrote_is_logged(engine: FakeEngine, lines: Lines, tmp_path: Path) -> None:
    keys = write_keys(tmp_path / "keys.yaml", entry(KEY))
    async with gateway(engine, with_broken_encoder, log_requests=True, log_level="debug", keys_file=keys) as served:
        served.client.headers["authorization"] = f"Bearer {KEY}"
        await served.post(f"{CHAT}?note={QUESTION}", chat(rag()))
        await served.post(CHAT, {"messages": NEEDLE})
        await served.client.get(f"/v1/{KEY}/nothing?key={KEY}")
        await served.post(CHAT, chat(rag()), headers={"authorization": f"Bearer {KEY}x"})
        engine.behaviour = "die"
        await served.post(CHAT, chat(rag()))
        await eventually(lambda: len(lines.of("semtoken_server.logs.requests")) >= 5)
    written = "\n".join(lines.written)
    assert "a compression failed" in written
    for private in (*rag().split(". ")[:3], NEEDLE, QUESTION, QUESTION.split()[-1], "".join(WORDS), KEY, "note="):
        assert private not in written


@pytest.mark.parametrize("load", [with_broken_encoder, crashing(RuntimeError("a bug"))])
async def test_a_fault_under_way_is_logged_with_the_request_s_id(engine: FakeEngine, lines: Lines, load: Load) -> None:
    async with gateway(engine, load) as served:
        answers = await asyncio.gather(*(served.post(CHAT, chat(rag(n + 40))) for n in range(3)))
    found = lines.of("semtoken_server.compression.thread")
    assert {each["request_id"] for each in found} == {answer.headers["x-request-id"] for answer in answers}
    assert all("Traceback" in each["exception"] for each in found)


async def test_what_is_logged_in_the_compressor_s_thread_has_the_id_too(engine: FakeEngine, lines: Lines) -> None:
    class Telling(HashEncoder):
        """Says something before it encodes."""

        def encode(self, *given: Any, **named: Any) -> Any:
            logging.getLogger("semtoken_server.of_a_thread").warning("in the thread")
            return super().encode(*given, **named)

    def load(_tokenizer: str) -> Compressor:
        return Compressor(Telling(), small_tokenizer())

    async with gateway(engine, load) as served:
        identity = (await served.post(CHAT, chat(rag()))).headers["x-request-id"]
    found = lines.of("semtoken_server.of_a_thread")
    assert found
    assert {each.get("request_id") for each in found} == {identity}


@asynccontextmanager
async def hosted(folder: Path) -> AsyncIterator[SharedCompressor]:
    """A compressor behind a socket whose encoder is broken."""
    path = folder / "compressor.sock"
    host = CompressorHost(ThreadCompressor(with_broken_encoder, max_queue=8))
    serving = asyncio.create_task(host.serve(path))
    await eventually(path.exists)
    client = SharedCompressor(path)
    await client.start("small")
    try:
        yield client
    finally:
        await client.close()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_the_id_goes_along_to_the_compressor_of_several_workers(tmp_path: Path, lines: Lines) -> None:
    async with hosted(tmp_path) as compressor:
        work_for(About("the-id", "the-trace", "the-span"))
        with pytest.raises(CompressionUnavailableError):
            await compressor.compress_messages(chat(rag())["messages"], CompressionOptions(), None, timeout_s=30)
    (found,) = lines.of("semtoken_server.compression.thread")
    assert [found[name] for name in About._fields] == ["the-id", "the-trace", "the-span"]
