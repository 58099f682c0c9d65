"""Rounds over systems and cases, interleaved: what changes on the machine meanwhile meets all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from loadtest.passthrough import closed_loop
from loadtest.passthrough.closed_loop import Throughput
from loadtest.passthrough.open_loop import Latencies, open_loop
from loadtest.passthrough.payload import Payload
from loadtest.passthrough.plan import Plan
from loadtest.passthrough.systems import Name, System

Progress = Callable[[str], None]

_WARM_RATE = 20


@dataclass(frozen=True, slots=True)
class OpenCase:
    """One rate and one kind of request."""

    rate: int
    payload: Payload


@dataclass(slots=True)
class Measured:
    """Everything that the rounds gave, each list with an entry a round."""

    open: dict[OpenCase, dict[Name, list[Latencies]]] = field(default_factory=dict)
    closed: dict[Payload, dict[Name, list[Throughput]]] = field(default_factory=dict)
    idle_mib: dict[Name, float] = field(default_factory=dict)
    loaded_mib: dict[Name, float] = field(default_factory=dict)


async def measure(systems: Sequence[System], plan: Plan, progress: Progress) -> Measured:
    """Run the plan; raises ``CalledProcessError`` when wrk fails, and leaves its cases out where there is none."""
    found = Measured()
    for system in systems:
        found.idle_mib[system.name] = system.resident_mib()
    for system in systems:
        progress(f"warming {system.name}")
        for payload in plan.payloads():
            await open_loop(system.url, payload, rate=_WARM_RATE, duration_s=plan.open_s / 2)
    for number in range(1, plan.rounds + 1):
        for payload in plan.payloads():
            for system in _turned(systems, number):
                progress(f"round {number} of {plan.rounds}: {system.name}, {payload}")
                await _one(system, payload, plan, found)
    for system in systems:
        found.loaded_mib[system.name] = system.resident_mib()
    return found


async def _one(system: System, payload: Payload, plan: Plan, found: Measured) -> None:
    for rate in plan.rates:
        latencies = await open_loop(system.url, payload, rate=rate, duration_s=plan.open_s)
        found.open.setdefault(OpenCase(rate, payload), {}).setdefault(system.name, []).append(latencies)
    if closed_loop.available():
        throughput = await asyncio.to_thread(
            closed_loop.closed_loop,
            system.url,
            payload,
            connections=plan.connections,
            duration_s=plan.closed_s,
        )
        found.closed.setdefault(payload, {}).setdefault(system.name, []).append(throughput)


def _turned(systems: Sequence[System], number: int) -> list[System]:
    """The systems, each round with another one first."""
    turn = number % len(systems)
    return [*systems[turn:], *systems[:turn]]
