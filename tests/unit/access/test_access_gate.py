"""The gate: bounded, first come first served, and never a place or a byte lost."""

from __future__ import annotations

import asyncio
import random

import pytest
from semtoken_server.access.gate import Gate
from semtoken_server.errors import BodyTooLargeError, MemoryFullError, QueueFullError, QueueWaitError


def gate(most: int = 1, max_bytes: int = 100, queue: int = 8, wait_s: float = 30.0) -> Gate:
    return Gate(max_concurrent=most, max_bytes=max_bytes, max_queue=queue, wait_s=wait_s)


async def test_the_next_enters_when_one_leaves() -> None:
    held = gate()
    await held.enter(10)
    waiting = asyncio.create_task(held.enter(20))
    await asyncio.sleep(0)
    assert not waiting.done()
    held.leave(10)
    await waiting
    assert (held.inside, held.held_bytes) == (1, 20)


async def test_bytes_are_a_bound_too_and_the_small_do_not_overtake() -> None:
    held = gate(most=10)
    await held.enter(60)
    large = asyncio.create_task(held.enter(50))
    await asyncio.sleep(0)
    small = asyncio.create_task(held.enter(1))
    await asyncio.sleep(0)
    assert not large.done()
    assert not small.done()
    held.leave(60)
    await asyncio.gather(large, small)
    assert (held.inside, held.held_bytes) == (2, 51)


async def test_the_queue_is_bounded() -> None:
    held = gate(queue=1)
    await held.enter(0)
    waiting = asyncio.create_task(held.enter(0))
    await asyncio.sleep(0)
    with pytest.raises(QueueFullError):
        await held.enter(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    held.leave(0)
    await held.enter(0)
    assert held.inside == 1


async def test_the_wait_is_bounded_and_the_next_is_let_in() -> None:
    held = gate(most=2, wait_s=0.05)
    await held.enter(60)
    with pytest.raises(QueueWaitError):
        await held.enter(50)
    await held.enter(40)
    assert (held.inside, held.held_bytes) == (2, 100)


async def test_who_gives_up_first_in_line_lets_the_next_in() -> None:
    held = gate(most=2)
    await held.enter(60)
    large = asyncio.create_task(held.enter(50))
    await asyncio.sleep(0)
    small = asyncio.create_task(held.enter(40))
    await asyncio.sleep(0)
    large.cancel()
    await small
    assert held.inside == 2


async def test_what_never_fits_is_refused_at_once() -> None:
    with pytest.raises(BodyTooLargeError):
        await gate().enter(101)


async def test_growing_never_waits_and_parsed_forms_have_their_own_room() -> None:
    held = gate(most=2)
    await held.enter(90)
    with pytest.raises(MemoryFullError):
        held.grow(11)
    held.grow(10)
    held.grow_parsed(100)
    with pytest.raises(MemoryFullError):
        held.grow_parsed(1)
    held.leave(100, 100)
    assert (held.inside, held.held_bytes) == (0, 0)


async def test_whatever_happens_nothing_is_lost() -> None:
    """Cancelled and timed out at every moment, also in the one in which their turn comes."""
    dice = random.Random(5)
    held = gate(most=3, max_bytes=50, queue=1000, wait_s=0.02)
    highest = 0

    async def visit() -> None:
        nonlocal highest
        size = dice.randrange(30)
        await held.enter(size)
        try:
            highest = max(highest, held.inside)
            assert held.held_bytes <= 50
            await asyncio.sleep(dice.random() * 0.01)
        finally:
            held.leave(size)

    visits = [asyncio.create_task(visit()) for _ in range(500)]
    for visit_ in visits:
        if dice.random() < 0.5:
            asyncio.get_running_loop().call_later(dice.random() * 0.05, visit_.cancel)
    results = await asyncio.gather(*visits, return_exceptions=True)
    assert {type(result) for result in results} <= {type(None), asyncio.CancelledError, QueueWaitError}
    assert (held.inside, held.held_bytes) == (0, 0)
    assert 1 < highest <= 3
    await held.enter(50)
