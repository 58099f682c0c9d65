"""``python -m loadtest.capacity.gateway_cost``: processor time of a gateway for a streamed request and for an event.

Streams of two lengths run through a gateway that compresses nothing; what its process used and what it counted in the
same seconds are two equations. Half a minute. ``loadtest.capacity`` reckons with the result.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import httpx
import numpy as np
import orjson
import typer
import uvloop
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from loadtest.passthrough.machine import commit, load, machine
from loadtest.streams.client import keep_streams
from loadtest.streams.measure import Plan, gateway, paced_engine

_CHAT = "/v1/chat/completions"
_WARM_S = 3.0
_LONG = Plan(streams=400, tokens=50, interval_ms=200.0)
_SHORT = Plan(streams=100, tokens=2, interval_ms=200.0)


@dataclass(frozen=True, slots=True)
class Used:
    """What a gateway did in some seconds: of processor time, of requests begun, and of events forwarded."""

    cpu_s: float
    requests: float
    events: float

    def since(self, before: Used) -> Used:
        """What was done after ``before``."""
        return Used(self.cpu_s - before.cpu_s, self.requests - before.requests, self.events - before.events)


async def used(url: str, pid: int) -> Used:
    """Of the gateway at ``url`` so far."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        exposition = (await client.get(f"{url}/metrics")).text
    families = text_string_to_metric_families(exposition)
    values = {sample.name: sample.value for family in families for sample in family.samples if _of_chats(sample)}
    requests = values.get("semtoken_time_to_first_token_seconds_count", 0.0)
    return Used(cpu_s(pid), requests, requests + values.get("semtoken_inter_token_seconds_count", 0.0))


def _of_chats(sample: Sample) -> bool:
    return sample.labels.get("route", _CHAT) == _CHAT


def cpu_s(pid: int) -> float:
    """Seconds of processor time, of user and system, that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(plan: Plan, seconds: float, folder: Path) -> Used:
    """What streams cost while all of them run."""
    with paced_engine(plan, folder) as engine, gateway(engine, 1, folder) as (url, pid):
        ways = {"tokens": plan.tokens, "interval_s": plan.interval_ms / 1000, "streams": plan.streams}
        streaming = asyncio.create_task(keep_streams(url, seconds=seconds + _WARM_S, **ways))  # type: ignore[arg-type]
        await asyncio.sleep(_WARM_S + plan.interval_ms / 1000)
        before = await used(url, pid)
        await asyncio.sleep(seconds)
        spent = (await used(url, pid)).since(before)
        measured = await streaming
    if measured.errors:
        raise SystemExit(f"streams went wrong: {dict(measured.errors)}")
    return spent


def costs(found: list[Used]) -> dict[str, float]:
    """Microseconds for a request and for an event."""
    sums = np.array([[each.requests, each.events] for each in found])
    request, event = np.linalg.solve(sums, np.array([each.cpu_s for each in found]))
    return {"request_us": round(float(request) * 1e6, 1), "event_us": round(float(event) * 1e6, 1)}


def main(
    seconds: Annotated[float, typer.Option(help="For how long, each of two.")] = 10.0,
    json: Annotated[Path | None, typer.Option(help="Write the result there.")] = None,
) -> None:
    """Measure and print."""
    about = {"commit": commit(), "machine": machine()}
    folder = Path(tempfile.mkdtemp(prefix="gateway-cost-"))
    found = [uvloop.run(measure(plan, seconds, folder)) for plan in (_LONG, _SHORT)]
    runs = [
        {"streams": plan.streams, "tokens": plan.tokens, "interval_ms": plan.interval_ms, **asdict(each)}
        for plan, each in zip((_LONG, _SHORT), found, strict=True)
    ]
    results = {**about, "load_1_min_after": load(), "runs": runs, **costs(found)}
    written = orjson.dumps(results, option=orjson.OPT_INDENT_2) + b"\n"
    print(written.decode(), end="")
    if json is not None:
        json.write_bytes(written)


if __name__ == "__main__":
    typer.run(main)
