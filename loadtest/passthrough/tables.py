"""The results for a person to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group
from rich.table import Table

from loadtest.passthrough.targets import Verdict


def tables(results: Mapping[str, Any]) -> Group:
    """Latency, throughput, memory and targets."""
    return Group(_latency(results), _throughput(results), _memory(results), _targets(results["targets"]))


def _latency(results: Mapping[str, Any]) -> Table:
    names = list(results["systems"])
    table = Table("requests/s", "answer", "prompt", *names, title="ms, p50 / p95; the gateways': added to direct")
    for row in results["open_loop"]:
        table.add_row(str(row["rate"]), *_case(row), *(_ms(name, row["systems"][name]) for name in names))
    return table


def _throughput(results: Mapping[str, Any]) -> Table:
    names = list(results["systems"])
    table = Table("answer", "prompt", *names, title="requests/s")
    for row in results["closed_loop"]:
        of = row["systems"]
        table.add_row(*_case(row), *(f"{of[name]['requests_per_s']:.0f}{_errors(of[name])}" for name in names))
    return table


def _memory(results: Mapping[str, Any]) -> Table:
    table = Table("system", "version", "idle", "after", title="resident memory, MiB")
    for name, system in results["systems"].items():
        table.add_row(name, system["version"], str(system["resident_idle_mib"]), str(system["resident_after_mib"]))
    return table


def _targets(verdicts: list[Verdict]) -> Table:
    table = Table("case", "measure", "of", "reached", "target", "met", title="the gateway's figure over the peer's")
    for verdict in verdicts:
        sign = ">=" if verdict.at_least else "<="
        met = "yes" if verdict.met else "NO"
        limit = f"{sign} {verdict.limit:.3g}"
        table.add_row(verdict.case, verdict.measure, verdict.peer, f"{verdict.ratio:.3g}", limit, met)
    return table


def _case(row: Mapping[str, Any]) -> Iterator[str]:
    yield "streamed" if row["streamed"] else "whole"
    yield f"{row['prompt_bytes'] // 1024} KB"


def _ms(name: str, of: Mapping[str, Any]) -> str:
    prefix = "" if name == "direct" else "added_"
    shown = " / ".join("-" if (ms := of[f"{prefix}p{q}_ms"]) is None else f"{ms:.2f}" for q in (50, 95))
    return shown + _errors(of)


def _errors(of: Mapping[str, Any]) -> str:
    return f" ({of['errors']} errors)" if of["errors"] else ""
