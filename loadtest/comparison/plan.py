"""Which runs there are, and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Loop = Literal["open", "closed"]
Mode = Literal["off", "on"]

MODES: tuple[Mode, Mode] = ("off", "on")
HEADER: dict[Mode, str] = {"off": "off", "on": "auto"}
"""What each mode is to the gateway (``x-semtoken-mode``)."""


@dataclass(frozen=True, slots=True)
class Case:
    """One run of Locust."""

    loop: Loop
    load: float
    """Requests a second offered by an open loop, users of a closed one."""
    mode: Mode
    round: int
    seed: int
    """Of the arrivals; the same with compression on and off."""

    @property
    def name(self) -> str:
        """For files."""
        return f"{self.loop}-{self.load:g}-{self.round}-{self.mode}"


@dataclass(frozen=True, slots=True)
class Slo:
    """A request is good when it is answered whole and neither time, in seconds, is longer than this."""

    ttft_s: float
    inter_token_s: float
    """Mean of the answer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    scenarios: tuple[str, ...]
    rates: tuple[float, ...]
    users: tuple[int, ...]
    seconds: int
    rounds: int
    seed: int
    max_prompt_chars: int
    slo: Slo

    def pairs(self) -> Iterator[tuple[Case, Case]]:
        """Rounds over all loads, each with compression on and off; which comes first alternates."""
        loads: list[tuple[Loop, float]] = [("open", rate) for rate in self.rates]
        loads += [("closed", float(users)) for users in self.users]
        for round_ in range(self.rounds):
            for number, (loop, load) in enumerate(loads):
                pair = round_ * len(loads) + number
                first, second = MODES if pair % 2 == 0 else reversed(MODES)
                seed = self.seed + pair
                yield Case(loop, load, first, round_, seed), Case(loop, load, second, round_, seed)
