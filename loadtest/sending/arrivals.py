"""The open loop: requests sent at instants drawn beforehand, whatever becomes of those before."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from random import Random


def poisson(rate: float, seed: int, seconds: float | None = None) -> Iterator[float]:
    """Instants of a Poisson process of ``rate`` a second, in seconds from its beginning, for ``seconds`` or for ever.

    Raises ``ValueError`` for a rate that is not positive.
    """
    if rate <= 0:
        raise ValueError(f"the rate must be positive, got {rate}")
    instants = _instants(rate, Random(seed))  # noqa: S311 - no secret
    return instants if seconds is None else takewhile(lambda instant: instant < seconds, instants)


def keep(
    instants: Iterable[float],
    send: Callable[[float], object],
    *,
    began: float,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Call ``send`` at each instant, counted from ``began``, with the time of ``clock`` for which it was planned.

    ``send`` must only start a request, never wait for its answer: the next instant does not move for it.
    """
    for instant in instants:
        due = began + instant
        while (left := due - clock()) > 0:
            sleep(left)
        send(due)


def _instants(rate: float, random: Random) -> Iterator[float]:
    instant = 0.0
    while True:
        instant += random.expovariate(rate)
        yield instant
