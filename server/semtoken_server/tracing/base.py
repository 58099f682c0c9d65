"""What is told of a request while it is served. The classes here listen to nothing: tracing that is off.

Nothing of a prompt or an answer is told, nor what an error says: only the kinds of errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import Self

from starlette.types import Scope

from semtoken_server.compression.outcome import Outcome

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Step:
    """A part of the work, for as long as this context lasts."""

    def compressed(self, outcome: Outcome) -> None:
        """What became of the prompt, with the time of each stage."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The part is over."""


class AttemptTrace:
    """A request at one engine."""

    headers: Mapping[str, str] = _NO_HEADERS
    """What the engine gets besides, to continue the trace."""

    def answered(self, status: int, *, streamed: bool) -> None:
        """The head has arrived, of a stream the first byte of the body as well."""

    def failed(self, kind: str) -> None:
        """There is no answer, or it breaks off."""

    def end(self) -> None:
        """Nothing more is read of the answer."""


class RequestTrace:
    """A request of a client."""

    ids: tuple[str, str] | None = None
    """Of the trace and of the request's own span, in hexadecimal digits; None where nothing is recorded."""

    @property
    def recording(self) -> bool:
        """Whether it is worth finding out what is to be told."""
        return self.ids is not None

    def generating(self, operation: str, model: str | None, *, stream: bool = False) -> None:
        """What is asked of a model."""

    def step(self, _name: str) -> Step:
        """A part of the work begins."""
        return _NO_STEP

    def attempt(self, _engine: str, _url: str, _method: str) -> AttemptTrace:
        """The request goes to an engine."""
        return UNTRACED_ATTEMPT

    def answered(self, document: bytes) -> None:
        """An answer in one piece, or an event of a stream, that names its model and counts tokens."""

    def failed(self, error: BaseException) -> None:
        """An error that the client is told."""

    def end(self, route: str, status: int) -> None:
        """The answer is complete."""


class Tracing:
    """Notes what requests tell."""

    def request(self, _scope: Scope) -> RequestTrace:
        """A request has come in."""
        return UNTRACED

    async def close(self) -> None:
        """Send what is left, within a few seconds."""


_NO_STEP = Step()
UNTRACED_ATTEMPT = AttemptTrace()
UNTRACED = RequestTrace()
NO_TRACING = Tracing()
