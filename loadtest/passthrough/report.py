"""What the rounds say: percentiles, what each system adds to the bare engine, throughput."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from loadtest.passthrough.closed_loop import Throughput
from loadtest.passthrough.measure import Measured, OpenCase
from loadtest.passthrough.open_loop import Latencies
from loadtest.passthrough.payload import Payload
from loadtest.passthrough.systems import DIRECT, Name, System

PERCENTILES = (50, 95)


def to_json(systems: Sequence[System], measured: Measured) -> dict[str, Any]:
    """Everything measured, in plain types: milliseconds, requests a second, MiB."""
    return {
        "systems": {
            system.name: {
                "version": system.version,
                "resident_idle_mib": round(measured.idle_mib[system.name]),
                "resident_after_mib": round(measured.loaded_mib[system.name]),
            }
            for system in systems
        },
        "open_loop": [_open_row(case, by_system) for case, by_system in measured.open.items()],
        "closed_loop": [_closed_row(payload, by_system) for payload, by_system in measured.closed.items()],
    }


def _open_row(case: OpenCase, by_system: Mapping[Name, Sequence[Latencies]]) -> dict[str, Any]:
    bare = by_system[DIRECT]
    return {
        "rate": case.rate,
        "streamed": case.payload.streamed,
        "prompt_bytes": case.payload.prompt_bytes,
        "systems": {name: _latencies(rounds, bare) for name, rounds in by_system.items()},
    }


def _latencies(rounds: Sequence[Latencies], bare: Sequence[Latencies]) -> dict[str, Any]:
    """Percentiles over all rounds, and their distance to the bare engine's; the same for each round alone."""
    row: dict[str, Any] = {"n": sum(len(r.last) for r in rounds), "errors": sum(r.errors for r in rounds)}
    for q in PERCENTILES:
        row[f"p{q}_ms"] = _ms(_pooled(rounds, "last"), q)
        row[f"added_p{q}_ms"] = _added(_pooled(rounds, "last"), _pooled(bare, "last"), q)
        row[f"added_first_byte_p{q}_ms"] = _added(_pooled(rounds, "first"), _pooled(bare, "first"), q)
        row[f"added_p{q}_ms_by_round"] = [_added(ours.last, b.last, q) for ours, b in zip(rounds, bare, strict=True)]
    return row


def _closed_row(payload: Payload, by_system: Mapping[Name, Sequence[Throughput]]) -> dict[str, Any]:
    return {
        "streamed": payload.streamed,
        "prompt_bytes": payload.prompt_bytes,
        "systems": {
            name: {
                "requests_per_s": round(statistics.median(r.requests_per_s for r in rounds), 1),
                "requests_per_s_by_round": [round(r.requests_per_s, 1) for r in rounds],
                "p50_ms": round(statistics.median(r.p50_ms for r in rounds), 3),
                "p95_ms": round(statistics.median(r.p95_ms for r in rounds), 3),
                "bytes_per_answer": round(statistics.median(r.bytes_per_answer for r in rounds)),
                "errors": sum(r.errors for r in rounds),
            }
            for name, rounds in by_system.items()
        },
    }


def _pooled(rounds: Sequence[Latencies], which: str) -> list[float]:
    return [second for latencies in rounds for second in getattr(latencies, which)]


def _added(ours: Sequence[float], bare: Sequence[float], q: int) -> float | None:
    mine, theirs = _ms(ours, q), _ms(bare, q)
    return None if mine is None or theirs is None else round(mine - theirs, 3)


def _ms(seconds: Sequence[float], q: int) -> float | None:
    return round(float(np.percentile(seconds, q)) * 1000, 3) if len(seconds) else None
