"""One engine address: its state, and the connection errors in the gateway's own terms."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp

from semtoken_server.errors import EngineConnectionError, EngineTimeoutError


@dataclass(slots=True)
class Endpoint:
    """An engine address with what is known of it now."""

    url: str
    healthy: bool = False
    outstanding: int = 0
    """Requests whose answers are not complete."""
    epoch: int = 0
    """How often it has come up."""
    name: str = field(init=False)
    """Host, port and path: what metrics and logs call it."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        self.name = parts.netloc + parts.path


@contextmanager
def engine_errors(endpoint: Endpoint) -> Iterator[None]:
    """Turn the client library's errors into ``EngineTimeoutError`` and ``EngineConnectionError``."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise EngineConnectionError(f"the engine {endpoint.name} could not be reached in time") from error
    except TimeoutError as error:
        # Before the others: aiohttp's time-outs are connection errors as well.
        raise EngineTimeoutError(f"the engine {endpoint.name} did not answer in time") from error
    except (aiohttp.ClientError, OSError) as error:
        raise EngineConnectionError(f"the connection to the engine {endpoint.name} failed") from error


class HttpEngineResponse:
    """An aiohttp answer, counted as outstanding on its endpoint until it is closed or read whole."""

    def __init__(self, response: aiohttp.ClientResponse, endpoint: Endpoint) -> None:
        self._response = response
        self._endpoint = endpoint
        self._open = True

    @property
    def status(self) -> int:
        """HTTP status."""
        return self._response.status

    @property
    def content_type(self) -> str:
        """Media type without parameters, lower case."""
        return self._response.headers.get("content-type", "").split(";", 1)[0].strip().lower()

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, to be looked up in any case."""
        return self._response.headers

    async def read(self) -> bytes:
        """The whole body; raises ``EngineError`` when it does not arrive whole."""
        try:
            with engine_errors(self._endpoint):
                return await self._response.read()
        finally:
            await self.close()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; raises ``EngineError`` when it breaks off."""
        with engine_errors(self._endpoint):
            async for chunk in self._response.content.iter_any():
                yield chunk

    async def close(self) -> None:
        """Let go of the connection: kept for the next request after the body's end, cut before it."""
        if self._open:
            self._open = False
            self._endpoint.outstanding -= 1
            # After the end of the body the connection is back in the pool already and stays there.
            self._response.close()
