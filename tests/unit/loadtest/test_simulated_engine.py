"""What the simulated engine makes up: places, order and prefixes, without a look at the clock."""

from __future__ import annotations

import asyncio

import pytest

from loadtest.simulated.cost import Cost, Machine, PrefixCache

PROMPT = list(range(100))


def test_known_prefixes_are_found_by_whole_blocks() -> None:
    cache = PrefixCache()
    assert cache.look_up(PROMPT) == 0
    # The last token is computed anew, and with it the block that it stands in.
    assert cache.look_up(PROMPT) == 96
    assert cache.look_up([*PROMPT[:40], *range(500, 600)]) == 32
    assert cache.look_up([7, *PROMPT]) == 0
    assert cache.queries == 100 + 100 + 140 + 101
    assert cache.hits == 96 + 32


async def test_no_more_run_at_once_than_may() -> None:
    machine = Machine(Cost(prefill=1e9, decode=1e9, running=2))
    running, most = 0, 0
    full, release = asyncio.Event(), asyncio.Event()

    async def request() -> None:
        nonlocal running, most
        async with machine.running(PROMPT):
            running += 1
            most = max(most, running)
            if running == 2:
                full.set()
            await release.wait()
            running -= 1

    async with asyncio.TaskGroup() as requests:
        for _ in range(5):
            requests.create_task(request())
        await full.wait()
        release.set()
    assert most == 2


@pytest.mark.parametrize("cost", [{"prefill": 0.0}, {"decode": -1.0}, {"running": 0}])
def test_a_cost_that_is_none_is_refused(cost: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        Cost(**cost)  # type: ignore[arg-type]
