"""What is measured, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from loadtest.passthrough.payload import Payload


@dataclass(frozen=True, slots=True)
class Plan:
    """One run; every round measures every case on every system, one after the other."""

    rounds: int = 3
    rates: tuple[int, ...] = (20, 100)
    """Requests a second of the open loop."""
    connections: int = 32
    """Of the closed loop."""
    prompt_bytes: tuple[int, ...] = (2_048, 65_536)
    streamed: tuple[bool, ...] = (False, True)
    open_s: float = 6.0
    closed_s: float = 4.0

    @classmethod
    def quick(cls) -> Plan:
        """A second or two, to see that all of it works."""
        return cls(rounds=1, rates=(20,), prompt_bytes=(2_048,), open_s=0.25, closed_s=1.0)

    def payloads(self) -> Iterator[Payload]:
        """Every kind of request."""
        for prompt_bytes in self.prompt_bytes:
            for streamed in self.streamed:
                yield Payload(prompt_bytes, streamed)
