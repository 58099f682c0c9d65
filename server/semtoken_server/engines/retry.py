"""When a request is tried again, and how many may be."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_result, stop_after_attempt, wait_random_exponential

from semtoken_server.engines.attempt import Attempt, Cause

WINDOW_S = 30
"""Seconds over which requests and retries are counted."""
FLOOR = 10
"""Retries in that time in any case, so that there are some where requests are few."""
PATIENCE_S = 5.0
"""The longest ``retry-after`` that is waited for."""

_back_off = wait_random_exponential(multiplier=0.05, max=1.0)
"""Anything from nothing to 0.05 s before the first retry, to twice as much before the next."""


class RetryBudget:
    """Retries as a share of the requests of the last ``WINDOW_S`` seconds, so that an outage is not made worse.

    As in Finagle's ``RetryBudget``, by whole seconds.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._clock = clock
        self._seconds: deque[list[int]] = deque([[0, 0, 0]])
        """Of each second its number, requests and retries."""
        self._requests = 0
        self._retries = 0

    def count_request(self) -> None:
        """A request has come in."""
        self._now()[1] += 1
        self._requests += 1

    def take(self) -> bool:
        """Whether one retry more is allowed; it counts if it is."""
        now = self._now()
        if self._retries >= max(FLOOR, self._share * self._requests):
            return False
        now[2] += 1
        self._retries += 1
        return True

    def _now(self) -> list[int]:
        second = int(self._clock())
        if self._seconds[-1][0] != second:
            self._seconds.append([second, 0, 0])
            while self._seconds[0][0] <= second - WINDOW_S:
                _, requests, retries = self._seconds.popleft()
                self._requests -= requests
                self._retries -= retries
        return self._seconds[-1]


class Retries:
    """Tries again until an attempt is final or nothing more may be tried.

    ``elsewhere`` tells whether an engine is left that was not tried; ``count`` is told of each retry and
    what it was for, ``withheld`` of each that the budget did not allow.
    """

    def __init__(
        self,
        budget: RetryBudget,
        limit: int,
        *,
        elsewhere: Callable[[], bool],
        count: Callable[[Cause], None],
        withheld: Callable[[], None],
    ) -> None:
        self._budget = budget
        self._limit = stop_after_attempt(limit + 1)
        self._elsewhere = elsewhere
        self._count = count
        self._withheld = withheld

    async def after(self, first: Attempt, again: Callable[[], Awaitable[Attempt | None]]) -> Attempt:
        """The last attempt of those that follow ``first``; ``again`` makes one, or None where no engine is left."""
        kept, held = first, True
        untried = True

        async def attempt() -> Attempt | None:
            nonlocal kept, untried
            if untried:
                untried = False
                return kept
            cause, made = kept.cause, await again()
            if made is None:
                return None
            if cause is not None:
                self._count(cause)
            await kept.release()
            kept = made
            return made

        retrying = AsyncRetrying(
            retry=retry_if_result(lambda made: made is not None and made.cause is not None),
            stop=self._stop,
            wait=self._wait,
            retry_error_callback=lambda _: None,
        )
        try:
            await retrying(attempt)
            held = False
            return kept
        finally:
            # The client gave up meanwhile: nobody will read the answer that was kept for it.
            if held:
                await kept.release()

    def _stop(self, state: RetryCallState) -> bool:
        if self._limit(state):
            return True
        # The same engine would have it at the end of its queue again.
        if (_cause(state) == "timeout" or _asked_pause(state) > PATIENCE_S) and not self._elsewhere():
            return True
        if self._budget.take():
            return False
        self._withheld()
        return True

    def _wait(self, state: RetryCallState) -> float:
        pause = _back_off(state)
        return pause if self._elsewhere() else max(pause, _asked_pause(state))


def _cause(state: RetryCallState) -> Cause | None:
    made = _made(state)
    return made.cause if made is not None else None


def _asked_pause(state: RetryCallState) -> float:
    made = _made(state)
    return (made.retry_after_s or 0.0) if made is not None else 0.0


def _made(state: RetryCallState) -> Attempt | None:
    made = state.outcome.result() if state.outcome is not None else None
    return made if isinstance(made, Attempt) else None
