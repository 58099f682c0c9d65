"""The answer of an engine that is reached over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import aiohttp
from multidict import CIMultiDict

from semtoken_server.engines.endpoint import Endpoint, engine_error
from semtoken_server.errors import EngineConnectionError, EngineError
from semtoken_server.tracing.base import UNTRACED_ATTEMPT, AttemptTrace


class HttpEngineResponse:
    """An aiohttp answer, counted as outstanding on its endpoint until it is closed or read whole.

    ``first`` is what was read of the body already; ``trace`` is told how it ends.
    """

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        endpoint: Endpoint,
        first: bytes | None = None,
        trace: AttemptTrace = UNTRACED_ATTEMPT,
    ) -> None:
        self._response = response
        self._endpoint = endpoint
        self._first = first
        self._trace = trace
        self._open = True
        endpoint.answers.add(self)

    @property
    def status(self) -> int:
        """HTTP status."""
        return self._response.status

    @property
    def content_type(self) -> str:
        """Media type without parameters, lower case."""
        return media_type(self._response)

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, to be looked up in any case."""
        headers = self._response.headers
        if all(map(str.isascii, headers.values())):
            return headers
        # aiohttp reads them as UTF-8 with escapes for what is none; HTTP has bytes, written as Latin-1.
        return CIMultiDict((name, _latin(value)) for name, value in headers.items())

    @property
    def engine(self) -> str:
        """The endpoint that answers."""
        return self._endpoint.name

    @property
    def streamed(self) -> bool:
        """Whether it comes in server-sent events."""
        return self._first is not None

    async def read(self) -> bytes:
        """The whole body; raises ``EngineError`` when it does not arrive whole."""
        try:
            return (self._first or b"") + await self._response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise self._failed(error) from error
        finally:
            await self.close()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; raises ``EngineError`` when it breaks off."""
        try:
            if self._first:
                yield self._first
            async for chunk in self._response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise self._failed(error) from error

    def abandon(self, error: EngineError) -> None:
        """End it with ``error`` for whoever reads it."""
        self._trace.failed(type(error).__name__)
        self._response.content.set_exception(error)

    def check(self) -> None:
        """End it if its connection is gone and its reader was not told."""
        if cut_unnoticed(self._response):
            self.abandon(EngineConnectionError(f"the connection to the engine {self._endpoint.name} failed"))

    async def close(self) -> None:
        """Let go of the connection: kept for the next request after the body's end, cut before it."""
        if self._open:
            self._open = False
            self._endpoint.outstanding -= 1
            self._endpoint.answers.discard(self)
            # After the end of the body the connection is back in the pool already and stays there.
            self._response.close()
            self._trace.end()

    def _failed(self, error: Exception) -> EngineError:
        told = engine_error(self._endpoint, error)
        self._trace.failed(type(told).__name__)
        return told


def cut_unnoticed(response: aiohttp.ClientResponse) -> bool:
    """Whether the connection of an incomplete answer is gone and its reader waits all the same.

    aiohttp 3.14 hangs up when the framing of a body is wrong (a chunk's length, say), takes off its own
    time-outs, and tells only who waits for a head.
    """
    connection, content = response.connection, response.content
    if connection is None or content.is_eof() or content.exception() is not None:
        return False
    return connection.protocol is None or not connection.protocol.is_connected()


def media_type(response: aiohttp.ClientResponse) -> str:
    """Media type without parameters, lower case."""
    return response.headers.get("content-type", "").split(";", 1)[0].strip().lower()


def _latin(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("latin-1")
