"""Until when a compression is of use to anybody."""

from __future__ import annotations

import threading
import time
from typing import Self

from semtoken.errors import DeadlineExceededError


class Deadline:
    """A point in time that whoever waits can bring forward; safe to share between threads."""

    def __init__(self, at: float) -> None:
        self._at = at
        self._cancelled = threading.Event()

    @classmethod
    def after(cls, seconds: float) -> Self:
        """``seconds`` from now on."""
        return cls(time.monotonic() + seconds)

    @property
    def remaining_s(self) -> float:
        """Seconds that are left; 0 when it is over."""
        return 0.0 if self._cancelled.is_set() else max(0.0, self._at - time.monotonic())

    @property
    def over(self) -> bool:
        """Whether nobody waits any more."""
        return self.remaining_s <= 0.0

    def cancel(self) -> None:
        """Nobody waits any more: what is under way stops where it can."""
        self._cancelled.set()

    def check(self) -> None:
        """Raise ``DeadlineExceededError`` once it is over."""
        if self.over:
            raise DeadlineExceededError("the deadline passed before the compression was done")
