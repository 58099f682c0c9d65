"""What vLLM answers directly it answers through the gateway: every field, every event, every refusal."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from e2e.differential.asked import COUNT, Asked, requests
from e2e.differential.compared import Answer, answer, without_semtoken
from e2e.real_gateway import RealGateway

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(1800),
]

OFF = {"x-semtoken-mode": "off"}
# Events that arrive faster than they are read are merged by vLLM itself, so that two direct answers may be
# cut differently; so may two that were computed in batches of other shapes end in other words.
ATTEMPTS = 6


@pytest.fixture
def sides(gateway: RealGateway) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """vLLM itself, and the gateway before it."""
    with (
        httpx.Client(base_url=gateway.engine_url, trust_env=False, timeout=300) as direct,
        httpx.Client(base_url=gateway.url, trust_env=False, timeout=300) as through,
    ):
        yield direct, through


def test_two_hundred_requests(gateway: RealGateway, sides: tuple[httpx.Client, httpx.Client]) -> None:
    asked = requests(gateway.model)
    assert len(asked) == COUNT
    assert len({(one.path, one.name) for one in asked}) == COUNT
    faults: list[str] = []
    unsteady: list[str] = []
    by_status: dict[int, int] = {}
    for one in asked:
        fault, attempts, status = compared(one, sides)
        by_status[status] = by_status.get(status, 0) + 1
        if attempts > 1:
            unsteady.append(f"{one.path} {one.name} ({attempts})")
        if fault:
            faults.append(f"{one.path} {one.name}: {fault}")
    print(f"statuses {by_status}; compared more than once: {unsteady or 'none'}")  # noqa: T201
    assert not faults, "\n\n".join(faults)
    assert by_status[200] > 140
    assert sum(count for status, count in by_status.items() if status != 200) > 30


def compared(one: Asked, sides: tuple[httpx.Client, httpx.Client]) -> tuple[str, int, int]:
    """What differs, after how many attempts, and the engine's status."""
    direct, through = sides
    seen: list[Answer] = []
    for attempt in range(1, ATTEMPTS + 1):
        seen.append(answer(direct, one))
        passed, told = without_semtoken(answer(through, one, OFF))
        status = seen[0].status
        if one.answered_by_gateway:
            return refused_by_gateway(seen[0], passed), attempt, status
        if passed in seen:
            return wrongly_told(one, passed, told), attempt, status
    return f"\n  direct  {seen[-1]}\n  through {passed}", ATTEMPTS, status


def refused_by_gateway(direct: Answer, passed: Answer) -> str:
    """Its own words, in the form of the route, with the engine's status."""
    names = {name: value for name, value in passed.said if name}
    if direct.status != passed.status:
        return f"{direct.status} directly, {passed.status} through the gateway"
    return "" if "error" in names else f"not an error: {passed.said}"


def wrongly_told(one: Asked, passed: Answer, told: int) -> str:
    """Whether the gateway's own object stands where it should: once in a body, once where a stream's usage is."""
    compressed = one.path in ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages")
    streamed = "event-stream" in passed.content_type
    usage = one.path in ("/v1/responses", "/v1/messages") or b"include_usage" in one.body
    wanted = int(compressed and passed.status == 200 and (usage or not streamed))
    return "" if told == wanted else f"{told} semtoken objects, not {wanted}"
