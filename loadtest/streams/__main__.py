"""``python -m loadtest.streams``: many streams at once, their errors, the gateway's memory, and what it adds."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import orjson
import typer
import uvloop

from loadtest.passthrough.machine import commit, load, machine
from loadtest.streams.measure import Plan, measure


def main(
    streams: Annotated[int, typer.Option(min=1, help="Streams at once.")] = 1000,
    seconds: Annotated[float, typer.Option(help="For how long, once all of them run.")] = 60.0,
    tokens: Annotated[int, typer.Option(min=2, help="Tokens of each stream.")] = 50,
    interval_ms: Annotated[float, typer.Option(help="Milliseconds between a stream's tokens.")] = 200.0,
    workers: Annotated[int, typer.Option(min=1, help="Gateway processes.")] = 1,
    json: Annotated[Path | None, typer.Option(help="Write the results there.")] = None,
    logs: Annotated[Path | None, typer.Option(help="Folder for the servers' logs.")] = None,
) -> None:
    """Measure; exits with 1 when a stream went wrong."""
    plan = Plan(streams, seconds, tokens, interval_ms, workers)
    before = {"commit": commit(), "machine": machine()}
    folder = logs or Path(tempfile.mkdtemp(prefix="streams-"))
    results = {**before, **uvloop.run(measure(plan, folder)), "load_1_min_after": load()}
    written = orjson.dumps(results, option=orjson.OPT_INDENT_2) + b"\n"
    print(written.decode(), end="")
    if json is not None:
        json.write_bytes(written)
    raise SystemExit(1 if results["direct"]["errors"] or results["gateway"]["errors"] else 0)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()
