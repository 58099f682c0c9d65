"""What became of a request at one engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from semtoken_server.engines.endpoint import Endpoint
from semtoken_server.engines.response import HttpEngineResponse
from semtoken_server.errors import EngineError, EngineUnavailableError

Cause = Literal["unreached", "taken_out", "connection", "timeout", "429", "502", "503", "504"]
"""Why another attempt may do better: no connection was made; the engine was found to be gone or frozen; the
connection broke; the first byte of a stream did not come in time; or the status that it answered."""

STATUSES: dict[int, Cause] = {429: "429", 502: "502", 503: "503", 504: "504"}
_BUSY = ("429", "503")


@dataclass(frozen=True, slots=True)
class Attempt:
    """An answer or an error, of which no byte has gone to the client."""

    endpoint: Endpoint
    response: HttpEngineResponse | None = None
    error: EngineError | None = None
    cause: Cause | None = None
    """None where it is final."""
    excused: bool = False
    """Whether the request's own time ran out at an engine that may be well and only slow."""

    @property
    def outcome(self) -> str:
        """Its kind for the metrics."""
        return "error" if self.response is None else f"{self.response.status // 100}xx"

    @property
    def failed(self) -> bool:
        """Whether the engine, rather than the request, is at fault: one that says that it is busy is well."""
        return (self.error is not None and not self.excused) or (self.cause is not None and self.cause not in _BUSY)

    @property
    def retry_after_s(self) -> float | None:
        """Seconds that the engine wants to be left alone, if it tells in seconds."""
        told = "" if self.response is None else self.response.headers.get("retry-after", "").strip()
        return float(told) if told.isascii() and told.isdigit() else None

    def result(self) -> HttpEngineResponse:
        """The answer; raises the error if there is none."""
        if self.response is None:
            raise self.error or EngineUnavailableError()
        return self.response

    async def release(self) -> None:
        """Let go of the answer unread."""
        if self.response is not None:
            await self.response.close()
