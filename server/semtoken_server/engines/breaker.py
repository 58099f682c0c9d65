"""A circuit breaker: an engine that fails again and again is left alone for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

State = Literal["closed", "open", "half-open"]


class Breaker:
    """Opens after ``failures`` in a row; ``open_s`` seconds later one request at a time may try (half-open).

    That probe's success closes it, its failure opens it again. What was under way before it opened
    decides nothing any more. After M. Nygard, Release It!, "Circuit Breaker".
    """

    def __init__(self, failures: int, open_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = failures
        self._open_s = open_s
        self._clock = clock
        self._failures = 0
        self._opened: float | None = None
        self._probing = False

    @property
    def state(self) -> State:
        """Closed lets everything through, open nothing, half-open one request at a time."""
        if self._opened is None:
            return "closed"
        return "open" if self._clock() - self._opened < self._open_s else "half-open"

    def allows(self) -> bool:
        """Whether a request may be sent now."""
        return self._opened is None or (not self._probing and self.state == "half-open")

    def begin(self) -> bool:
        """A request is being sent. Returns whether it is the probe, for the call that tells its end."""
        if self._opened is None:
            return False
        self._probing = True
        return True

    def succeeded(self, probe: bool) -> None:
        """The request was answered."""
        if probe:
            self.reset()
        elif self._opened is None:
            self._failures = 0

    def failed(self, probe: bool) -> None:
        """The request was not answered."""
        if self._opened is None:
            self._failures += 1
        if probe or (self._opened is None and self._failures >= self._limit):
            self._opened = self._clock()
            self._probing = False

    def dropped(self, probe: bool) -> None:
        """The request was given up for reasons that are not the engine's."""
        if probe:
            self._probing = False

    def reset(self) -> None:
        """Close, and forget what was."""
        self._opened = None
        self._probing = False
        self._failures = 0
