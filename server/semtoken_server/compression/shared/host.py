"""The compressor's own process: serves the workers of a gateway until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Any, assert_never

import msgspec
from semtoken import CompressionOptions, InvalidInputError, InvalidOptionError

from semtoken_server.compression.backend import CompressorBackend, Ran
from semtoken_server.compression.shared import wire
from semtoken_server.errors import CompressionUnavailableError
from semtoken_server.logs.about import work_for

logger = logging.getLogger(__name__)


class CompressorHost:
    """Hands what comes over the connections to one backend, and the results back."""

    def __init__(self, backend: CompressorBackend) -> None:
        self._backend = backend
        self._tokenizer: str | None = None
        self._starting: asyncio.Task[None] | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, path: Path) -> None:
        """Listen on the Unix socket ``path`` until cancelled; its folder must be its user's alone."""
        server = await asyncio.start_unix_server(self._connected, path)
        try:
            await server.serve_forever()
        finally:
            for writer in self._writers:
                writer.close()
            await self._backend.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks: dict[int, asyncio.Task[None]] = {}
        self._writers.add(writer)
        try:
            while True:
                request = wire.request(await wire.read_frame(reader))
                if isinstance(request, wire.Cancel):
                    if (left := tasks.get(request.id)) is not None:
                        left.cancel()
                    continue
                task = asyncio.create_task(self._answer(request, writer))
                tasks[request.id] = task
                task.add_done_callback(lambda _, number=request.id: tasks.pop(number, None))  # type: ignore[misc]
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the worker is gone; so is whoever waited for its requests
        except (ValueError, msgspec.MsgspecError) as error:
            logger.error("a worker sent what is no request: %s", error)
        finally:
            for task in tasks.values():
                task.cancel()
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, request: wire.Start | wire.Work, writer: asyncio.StreamWriter) -> None:
        try:
            reply: wire.Reply = (
                await self._start(request) if isinstance(request, wire.Start) else await self._work(request)
            )
        except (InvalidInputError, InvalidOptionError) as error:
            kind = "option" if isinstance(error, InvalidOptionError) else "input"
            reply = wire.Failed(request.id, kind, str(error), error.param)  # type: ignore[arg-type]
        except CompressionUnavailableError as error:
            reply = wire.Failed(request.id, "unavailable", error.detail, reason=error.reason)
        with contextlib.suppress(ConnectionError):
            wire.write_frame(writer, reply)
            await writer.drain()

    async def _start(self, request: wire.Start) -> wire.Started:
        if self._starting is None:
            self._tokenizer = request.tokenizer
            self._starting = asyncio.create_task(self._backend.start(request.tokenizer))
        if request.tokenizer != self._tokenizer:
            detail = f"the compressor works for {self._tokenizer!r}, not {request.tokenizer!r}"
            return wire.Started(request.id, "failed", "encoder_error", detail)
        await asyncio.shield(self._starting)
        state = self._backend.state
        return wire.Started(request.id, state.phase, state.reason, state.detail)

    async def _work(self, request: wire.Work) -> wire.Done:
        work_for(request.about)
        ran = await self._run(request)
        return wire.Done(request.id, ran.queued_s, ran.ran_s, msgspec.Raw(wire.encode(ran.value)))

    async def _run(self, request: wire.Work) -> Ran[Any]:
        backend, within = self._backend, request.timeout_s
        match request:
            case wire.Chat():
                options = CompressionOptions.parse(request.options)
                return await backend.compress_messages(
                    request.messages, options, request.tools, timeout_s=within, tenant=request.tenant
                )
            case wire.Prompts():
                return await backend.compress_prompts(
                    request.prompts,
                    CompressionOptions.parse(request.options),
                    special_tokens=request.special_tokens,
                    timeout_s=within,
                    tenant=request.tenant,
                )
            case wire.Text():
                options = CompressionOptions.parse(request.options)
                return await backend.compress_text(
                    request.text, request.query, options, timeout_s=within, tenant=request.tenant
                )
            case wire.TokenIds():
                return await backend.token_ids(request.texts, timeout_s=within)
            case wire.Embeddings():
                return await backend.embeddings(request.text, timeout_s=within)
            case _:
                assert_never(request)
