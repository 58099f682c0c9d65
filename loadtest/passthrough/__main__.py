"""``python -m loadtest.passthrough``: the gateway's own cost beside LiteLLM's proxy and vLLM's router."""

from __future__ import annotations

import dataclasses
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any, NoReturn

import orjson
import typer
import uvloop
from rich.console import Console

from loadtest.passthrough import closed_loop
from loadtest.passthrough.machine import commit, load, machine
from loadtest.passthrough.measure import measure
from loadtest.passthrough.plan import Plan
from loadtest.passthrough.report import to_json
from loadtest.passthrough.systems import NAMES, Name, running
from loadtest.passthrough.tables import tables
from loadtest.passthrough.targets import verdicts


def main(
    systems: Annotated[str, typer.Option(help="Which to measure beside the bare engine, parted by commas.")] = ",".join(
        NAMES[1:]
    ),
    rounds: Annotated[int | None, typer.Option(min=1, help="Rounds over everything.")] = None,
    open_s: Annotated[float | None, typer.Option(help="Seconds of each open loop.")] = None,
    closed_s: Annotated[float | None, typer.Option(help="Seconds of each closed loop.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A second or two, to see that it works.")] = False,
    json: Annotated[Path | None, typer.Option(help="Write the results there.")] = None,
    logs: Annotated[Path | None, typer.Option(help="Folder for the servers' logs.")] = None,
) -> None:
    """Measure what gateways add to a request, and how many they let through, before an engine that does nothing."""
    given: dict[str, Any] = {"rounds": rounds, "open_s": open_s, "closed_s": closed_s}
    plan = dataclasses.replace(
        Plan.quick() if quick else Plan(), **{name: value for name, value in given.items() if value is not None}
    )
    if not closed_loop.available():
        print("wrk is not installed (Debian: apt-get install wrk): throughput is not measured", file=sys.stderr)
    # An orderly end, since the servers that were started must end as well.
    signal.signal(signal.SIGTERM, _stop)
    before = {"commit": commit(), "machine": machine(), "plan": plan}
    folder = logs or Path(tempfile.mkdtemp(prefix="passthrough-"))
    with Console(stderr=True).status("starting") as status, running(_names(systems), folder) as started:
        measured = uvloop.run(measure(started, plan, status.update))
        results = {**before, "load_1_min_after": load(), **to_json(started, measured)}
    results["targets"] = verdicts(results)
    Console().print(tables(results))
    if json is not None:
        found = [{**dataclasses.asdict(verdict), "met": verdict.met} for verdict in results["targets"]]
        json.write_bytes(orjson.dumps({**results, "targets": found}, option=orjson.OPT_INDENT_2) + b"\n")


def _stop(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(1)


def _names(listed: str) -> list[Name]:
    known = {str(name): name for name in NAMES}
    asked = [name.strip() for name in listed.split(",")]
    for name in asked:
        if name not in known:
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(NAMES)}")
    return [known[name] for name in asked]


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()
