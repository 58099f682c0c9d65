"""What came of one request."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Record(msgspec.Struct, frozen=True):
    """Times in seconds, all but ``due`` counted from the instant for which the request was planned.

    In a closed loop that is the instant at which it was sent.
    """

    scenario: str
    key: str
    due: float
    """From the run's beginning."""
    late: float
    """Until it was really sent: how far the load generator itself was behind."""
    total: float
    first: float | None = None
    """Until the first event with text; ``None`` where there was none."""
    gaps: list[float] = []
    """Between the events with text. An engine may put several tokens into one."""
    prompt_tokens: int = 0
    """Of the prompt as the engine got it, in the engine's own count."""
    original_tokens: int | None = None
    """Of the prompt as the client sent it, by the gateway; ``None`` where it did not count."""
    output_tokens: int = 0
    status: str = ""
    """What the gateway did: ``compressed``, ``skipped``, ``off``, ``failed-open``; empty without a gateway."""
    compress_ms: float | None = None
    error: str = ""
    """Kind of what went wrong; empty where nothing did."""

    @property
    def before(self) -> int:
        """Prompt tokens without compression."""
        return self.prompt_tokens if self.original_tokens is None else self.original_tokens

    @property
    def per_token(self) -> float | None:
        """Mean time between tokens: from the first event to the end, over all tokens but the first."""
        if self.first is None or self.output_tokens < 2:
            return None
        return (self.total - self.first) / (self.output_tokens - 1)


def append(record: Record, file: Path) -> None:
    """Add it as a JSON line."""
    with file.open("ab") as lines:
        lines.write(msgspec.json.encode(record) + b"\n")


def read(file: Path) -> list[Record]:
    """All records of a file."""
    return [msgspec.json.decode(line, type=Record) for line in file.read_bytes().splitlines()]
