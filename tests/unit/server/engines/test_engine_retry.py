"""The retry budget by a clock of the test's own, and what a retry waits for."""

from __future__ import annotations

import asyncio
import time

import pytest
from semtoken_server.engines.attempt import Attempt, Cause
from semtoken_server.engines.breaker import Breaker
from semtoken_server.engines.endpoint import Endpoint
from semtoken_server.engines.retry import FLOOR, WINDOW_S, Retries, RetryBudget
from semtoken_server.errors import EngineConnectionError, EngineTimeoutError

HERE = Endpoint("http://engine:8000", Breaker(5, 10.0))
BROKEN = Attempt(HERE, error=EngineConnectionError(), cause="connection")
FINAL = Attempt(HERE)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Following:
    """Attempts after the first."""

    def __init__(self, *attempts: Attempt | None) -> None:
        self.attempts = list(attempts)
        self.made = 0

    async def __call__(self) -> Attempt | None:
        self.made += 1
        return self.attempts[self.made - 1]


def retries(
    budget: RetryBudget, counted: list[Cause], withheld: list[None], limit: int = 2, *, elsewhere: bool = True
) -> Retries:
    return Retries(
        budget, limit, elsewhere=lambda: elsewhere, count=counted.append, withheld=lambda: withheld.append(None)
    )


def test_the_budget_is_a_share_of_recent_requests_with_a_floor() -> None:
    clock = Clock()
    budget = RetryBudget(0.2, clock)
    assert sum(budget.take() for _ in range(100)) == FLOOR
    clock.now += WINDOW_S
    for _ in range(500):
        budget.count_request()
        clock.now += 0.01
    assert sum(budget.take() for _ in range(500)) == 100
    clock.now += WINDOW_S
    assert sum(budget.take() for _ in range(100)) == FLOOR


def test_what_is_older_than_the_window_is_forgotten_second_by_second() -> None:
    clock = Clock()
    budget = RetryBudget(1.0, clock)
    for _ in range(WINDOW_S):
        budget.count_request()
        clock.now += 1
    assert sum(budget.take() for _ in range(100)) == WINDOW_S - 1
    clock.now += WINDOW_S - 1
    assert sum(budget.take() for _ in range(100)) == 0


async def test_it_goes_on_until_an_attempt_is_final() -> None:
    counted: list[Cause] = []
    again = Following(BROKEN, FINAL)
    assert await retries(RetryBudget(0.2), counted, []).after(BROKEN, again) is FINAL
    assert counted == ["connection", "connection"]


async def test_it_ends_after_so_many_with_the_last_that_was_made() -> None:
    last = Attempt(HERE, error=EngineConnectionError("the last"), cause="connection")
    again = Following(BROKEN, last)
    assert await retries(RetryBudget(0.2), [], []).after(BROKEN, again) is last
    assert again.made == 2


async def test_without_an_engine_left_what_was_there_before_stays() -> None:
    counted: list[Cause] = []
    assert await retries(RetryBudget(0.2), counted, []).after(BROKEN, Following(None)) is BROKEN
    assert counted == []


async def test_what_the_budget_does_not_allow_is_not_sent() -> None:
    budget = RetryBudget(0.2)
    while budget.take():
        pass
    withheld: list[None] = []
    again = Following(FINAL)
    assert await retries(budget, [], withheld).after(BROKEN, again) is BROKEN
    assert again.made == 0
    assert len(withheld) == 1


async def test_what_took_too_long_is_not_sent_to_the_same_engine_again() -> None:
    late = Attempt(HERE, error=EngineTimeoutError(), cause="timeout")
    again = Following(FINAL, FINAL)
    for somewhere, made in ((False, 0), (True, 1)):
        tries = retries(RetryBudget(0.2), [], [], elsewhere=somewhere)
        assert await tries.after(late, again) is (FINAL if somewhere else late)
        assert again.made == made


async def test_no_retries_are_none() -> None:
    again = Following(FINAL)
    assert await retries(RetryBudget(0.2), [], [], limit=0).after(BROKEN, again) is BROKEN
    assert again.made == 0


async def test_many_at_once_do_not_disturb_one_another() -> None:
    budget = RetryBudget(1.0)
    for _ in range(200):
        budget.count_request()
    began = time.monotonic()
    pending = [retries(budget, [], []).after(BROKEN, Following(BROKEN, FINAL)) for _ in range(100)]
    assert await asyncio.gather(*pending) == [FINAL] * 100
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(("told", "seconds"), [("7", 7.0), ("Fri, 31 Dec 1999 23:59:59 GMT", None), ("-1", None)])
def test_an_engine_may_ask_for_a_pause_in_seconds(told: str, seconds: float | None) -> None:
    class Answered:
        headers = {"retry-after": told}  # noqa: RUF012 - a fake answer

    assert Attempt(HERE, Answered(), cause="503").retry_after_s == seconds  # type: ignore[arg-type]
