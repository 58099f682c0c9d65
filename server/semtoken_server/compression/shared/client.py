"""A worker's side: the compressor in another process, as if it were in this one."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace
from semtoken import CompressionOptions, CompressionResult, InvalidInputError, InvalidOptionError, MessagesResult
from semtoken.datamodels import FloatArray

from semtoken_server.compression.backend import BackendState, CompressedPrompt, Ran
from semtoken_server.compression.shared import wire
from semtoken_server.errors import CompressionUnavailableError
from semtoken_server.logs.about import working_for

logger = logging.getLogger(__name__)

T = TypeVar("T")

_RETRY_S = 0.25
_STALLED_S = 1.0
"""Silence of the process for a whole deadline, if that is at least so long, is taken for a stall."""
_PATIENCE_S = 86_400.0
_GONE = BackendState("failed", "encoder_error", "the compressor's process is gone; it is being started again")


class SharedCompressor:
    """Talks to a :class:`CompressorHost` at the Unix socket ``path``; connects again whenever it is lost."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state = BackendState("waiting", "encoder_loading", "waiting for the engine to name its tokenizer")
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[wire.Reply]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._heard = 0.0
        """When the process last answered anything."""
        self._asking: asyncio.Task[None] | None = None
        """Waits for any answer of a process that is stalled."""

    async def start(self, tokenizer: str) -> None:
        """Have the models loaded; returns when they are there or cannot be had, which ``state`` tells."""
        self._state = BackendState("loading", "encoder_loading", "the encoder is loading")
        settled = asyncio.Event()
        self._keeping = asyncio.create_task(self._keep(tokenizer, settled))
        await settled.wait()

    async def close(self) -> None:
        """Take no more work and leave the other process to others."""
        tasks = [task for task in (self._keeping, self._asking) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._state = BackendState("closed", "shutting_down", "the gateway is shutting down")
        self._lose(self._state)

    @property
    def state(self) -> BackendState:
        """Whether compressions can run."""
        return self._state

    @property
    def queue_depth(self) -> int:
        """This worker's compressions, running or waiting."""
        return len(self._waiting)

    async def compress_messages(
        self,
        messages: Sequence[Mapping[str, Any]],
        options: CompressionOptions,
        tools: Sequence[Mapping[str, Any]] | None,
        *,
        timeout_s: float,
        tenant: str = "",
    ) -> Ran[MessagesResult]:
        """A chat."""
        plain, given = _plain(options), None if tools is None else list(tools)
        return await self._run(
            lambda number: wire.Chat(number, timeout_s, list(messages), plain, given, tenant), MessagesResult, timeout_s
        )

    async def compress_prompts(
        self,
        prompts: Sequence[str],
        options: CompressionOptions,
        *,
        special_tokens: bool,
        timeout_s: float,
        tenant: str = "",
    ) -> Ran[tuple[CompressedPrompt, ...]]:
        """The prompts of one request."""
        plain = _plain(options)
        return await self._run(
            lambda number: wire.Prompts(number, timeout_s, list(prompts), plain, special_tokens, tenant),
            tuple[CompressedPrompt, ...],
            timeout_s,
        )

    async def compress_text(
        self, text: str, query: str | None, options: CompressionOptions, *, timeout_s: float, tenant: str = ""
    ) -> Ran[CompressionResult]:
        """One text with its query."""
        plain = _plain(options)
        return await self._run(
            lambda number: wire.Text(number, timeout_s, text, query, plain, tenant), CompressionResult, timeout_s
        )

    async def token_ids(self, texts: Sequence[str], *, timeout_s: float) -> Ran[list[list[int]]]:
        """Token ids of texts, without special tokens."""
        return await self._run(lambda number: wire.TokenIds(number, timeout_s, list(texts)), list[list[int]], timeout_s)

    async def embeddings(self, text: str, *, timeout_s: float) -> Ran[tuple[list[int], FloatArray]]:
        """Token ids of a text, with the model's special tokens, and the embeddings that stand for them."""
        return await self._run(
            lambda number: wire.Embeddings(number, timeout_s, text), tuple[list[int], FloatArray], timeout_s
        )

    async def _run(self, request: Callable[[int], wire.Work], wanted: type[T], timeout_s: float) -> Ran[T]:
        if self._writer is None or self._state.phase != "ready":
            raise CompressionUnavailableError(self._state.reason, self._state.detail)
        if self._asking is not None and not self._asking.done():
            # To wait out the deadline again would be no use, and what nobody reads would pile up here.
            raise CompressionUnavailableError("encoder_stalled", "the compressor's process does not answer")
        sent = time.monotonic()
        try:
            reply = await self._reply(
                self._writer, lambda number: replace(request(number), about=working_for()), timeout_s
            )
        except CompressionUnavailableError as error:
            if error.reason == "deadline" and timeout_s >= _STALLED_S and self._heard < sent:
                self._asking = asyncio.create_task(self._ask(self._writer))
            raise
        if isinstance(reply, wire.Failed):
            raise _error(reply)
        if isinstance(reply, wire.Started):
            raise CompressionUnavailableError("encoder_error", "the compressor's answer is none")
        return Ran(wire.decode(reply.value, wanted), reply.queued_s, reply.ran_s)

    async def _ask(self, writer: asyncio.StreamWriter | None) -> None:
        """Return when the process has answered something, or its connection has ended."""
        if writer is not None:
            logger.error("the compressor's process does not answer; prompts go through uncompressed until it does")
            with contextlib.suppress(CompressionUnavailableError):
                await self._reply(writer, lambda number: wire.TokenIds(number, _PATIENCE_S, []), None)

    async def _reply(
        self, writer: asyncio.StreamWriter, request: Callable[[int], wire.Start | wire.Work], timeout_s: float | None
    ) -> wire.Reply:
        number = next(self._ids)
        waiting: asyncio.Future[wire.Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        try:
            _send(writer, request(number))
            async with asyncio.timeout(timeout_s):
                return await waiting
        except TimeoutError as error:
            raise CompressionUnavailableError("deadline", f"it took longer than {timeout_s:g} s") from error
        finally:
            del self._waiting[number]
            if not waiting.done() or waiting.cancelled():
                with contextlib.suppress(CompressionUnavailableError):
                    _send(writer, wire.Cancel(number))

    async def _keep(self, tokenizer: str, settled: asyncio.Event) -> None:
        """Connect, have the models loaded, hand replies on; again from the beginning when the connection ends."""
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(self._path)
            except OSError:
                await asyncio.sleep(_RETRY_S)
                continue
            self._writer = writer
            reading = asyncio.create_task(self._read(reader))
            try:
                started = await self._reply(writer, lambda number: wire.Start(number, tokenizer), None)
                if isinstance(started, wire.Started):
                    self._state = BackendState(started.phase, started.reason, started.detail)
                    settled.set()
                await reading
            except CompressionUnavailableError:
                logger.debug("the connection to the compressor ended while it was loading")
            finally:
                reading.cancel()
                writer.close()
            logger.error("the compressor's process is gone; prompts go through uncompressed until it is back")
            self._lose(_GONE)
            await asyncio.sleep(_RETRY_S)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                reply = wire.reply(await wire.read_frame(reader))
                self._heard = time.monotonic()
                waiting = self._waiting.get(reply.id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(reply)
        self._lose(_GONE)

    def _lose(self, state: BackendState) -> None:
        self._writer = None
        self._state = state if self._state.phase != "loading" or state.phase == "closed" else self._state
        for waiting in list(self._waiting.values()):
            if not waiting.done():
                waiting.set_exception(CompressionUnavailableError(state.reason, state.detail))


def _plain(options: CompressionOptions) -> dict[str, Any]:
    return options.model_dump(mode="json")


def _send(writer: asyncio.StreamWriter, request: wire.Request) -> None:
    try:
        wire.write_frame(writer, request)
    except (TypeError, msgspec.MsgspecError, UnicodeError) as error:
        raise InvalidInputError("the text is not valid Unicode (lone surrogates)") from error
    except (ConnectionError, RuntimeError) as error:
        raise CompressionUnavailableError(_GONE.reason, _GONE.detail) from error


def _error(reply: wire.Failed) -> Exception:
    if reply.kind == "input":
        return InvalidInputError(reply.message, param=reply.param)
    if reply.kind == "option":
        return InvalidOptionError(reply.message, param=reply.param or "options")
    return CompressionUnavailableError(reply.reason, reply.message)
