"""What the gateway needs of an engine, whatever speaks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from semtoken_server.tracing.base import UNTRACED, RequestTrace

Windows = Mapping[str, int | None]
"""Models that an engine lists, each with the tokens of its context, prompt and answer together; None where the engine
does not tell."""


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """One request to an engine."""

    method: Literal["GET", "POST"]
    path: str
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    """The model that it is for; None where any engine will do."""
    affinity: bytes | None = field(default=None, repr=False)
    """What requests have in common whose prompts begin alike: one engine has that beginning in its cache."""
    trace: RequestTrace = field(default=UNTRACED, repr=False, compare=False)
    """Is told of each attempt."""


class EngineResponse(Protocol):
    """An answer whose head has arrived; closing it before its end makes the engine abort its work."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def content_type(self) -> str:
        """Media type without parameters, lower case."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, to be looked up in any case."""

    @property
    def engine(self) -> str | None:
        """The endpoint that answers; None where it is none of them."""

    async def read(self) -> bytes:
        """The whole body; raises ``EngineError`` when it does not arrive whole."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; raises ``EngineError`` when it breaks off."""

    async def close(self) -> None:
        """Let go of the connection; does nothing after the end of the body."""


async def read_whole(response: EngineResponse) -> bytes:
    """The whole body; raises ``EngineError`` when it does not arrive whole.

    The connection is let go of also when it is given up, which makes the engine stop.
    """
    try:
        return await response.read()
    finally:
        await response.close()


class Engine(Protocol):
    """One engine, or several that serve the same model."""

    async def start(self) -> None:
        """Connect and begin to watch health; returns after the first look at each endpoint."""

    async def close(self) -> None:
        """Stop watching and close all connections."""

    @property
    def health(self) -> Mapping[str, bool]:
        """Each endpoint's name and whether it is healthy."""

    @property
    def epoch(self) -> Mapping[str, int]:
        """How often each endpoint has come up: a new number means that another process may answer there."""

    @property
    def windows(self) -> Mapping[str, Windows | None]:
        """Each endpoint's models; None while they are not known. What one lists that has gone down stays known."""

    async def wait_for_change(self) -> None:
        """Return when an endpoint has come up or gone down since the call."""

    async def send(self, request: EngineRequest, *, endpoint: str | None = None) -> EngineResponse:
        """Send to one healthy endpoint, or to the one named; returns when the head has arrived.

        Raises ``EngineUnavailableError`` when none is healthy, ``EngineConnectionError`` when none
        of those tried could be reached, and ``EngineTimeoutError``.
        """
