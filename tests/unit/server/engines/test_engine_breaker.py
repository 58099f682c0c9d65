"""The circuit breaker by a clock of the test's own."""

from __future__ import annotations

import pytest
from semtoken_server.engines.breaker import Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(clock: Clock) -> Breaker:
    breaker = Breaker(3, 10.0, clock)
    for _ in range(3):
        breaker.failed(breaker.begin())
    return breaker


def test_failures_in_a_row_open_it_and_a_success_between_starts_anew(clock: Clock) -> None:
    breaker = Breaker(3, 10.0, clock)
    for _ in range(5):
        breaker.failed(False)
        breaker.failed(False)
        breaker.succeeded(False)
    assert (breaker.state, breaker.allows()) == ("closed", True)
    for _ in range(3):
        breaker.failed(False)
    assert (breaker.state, breaker.allows()) == ("open", False)


def test_half_open_lets_one_through_at_a_time(clock: Clock, opened: Breaker) -> None:
    clock.now += 9.9
    assert not opened.allows()
    clock.now += 0.2
    assert opened.state == "half-open"
    assert opened.allows()
    probe = opened.begin()
    assert probe
    assert not opened.allows()
    opened.succeeded(probe)
    assert (opened.state, opened.allows()) == ("closed", True)


def test_a_failed_probe_opens_it_for_the_whole_time(clock: Clock, opened: Breaker) -> None:
    clock.now += 11
    opened.failed(opened.begin())
    clock.now += 9
    assert not opened.allows()
    clock.now += 2
    assert opened.allows()


def test_a_probe_whose_client_left_makes_room_for_the_next(clock: Clock, opened: Breaker) -> None:
    clock.now += 11
    opened.dropped(opened.begin())
    assert opened.state == "half-open"
    assert opened.allows()


def test_what_began_before_it_opened_decides_nothing(clock: Clock, opened: Breaker) -> None:
    opened.succeeded(False)
    assert not opened.allows()
    clock.now += 11
    probe = opened.begin()
    opened.failed(False)
    opened.succeeded(False)
    assert opened.state == "half-open"
    opened.succeeded(probe)
    assert opened.allows()
