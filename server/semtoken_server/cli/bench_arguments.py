"""The options that the commands of `semtoken bench` share, and the gateway that they measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import orjson
import typer
from rich.console import Console
from rich.table import Table
from semtoken.benchmark import running_text
from semtoken.errors import InvalidOptionError

from semtoken_server.benchmark.engine_counters import EngineCounters
from semtoken_server.benchmark.target import Target, connected
from semtoken_server.cli.evaluate_output import PIPE_WIDTH, write
from semtoken_server.cli.local_gateway import local_gateway

Url = Annotated[
    str | None, typer.Option(help="A running gateway; without it one is started with an engine of its own.")
]
EngineUrl = Annotated[str | None, typer.Option(help="With --url: its engine, whose own counters are read.")]
Data = Annotated[list[str] | None, typer.Option(help="Text files; by default the bundled texts.")]
Runs = Annotated[int, typer.Option(min=1, help="Pairs, or repetitions, of which the median counts.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the draw of texts and of the order.")]
JsonOut = Annotated[Path | None, typer.Option("--json", help="Write the result as JSON.")]


class Measured(NamedTuple):
    """A gateway, and its engine's own counters where they can be read."""

    target: Target
    counters: EngineCounters | None


@contextmanager
def measured(
    url: str | None, engine_url: str | None, data: Sequence[str] | None, *engine_args: str, **overrides: Any
) -> Iterator[Measured]:
    """The gateway at ``url``, else one that is started for as long as this lasts."""
    text = running_text(data or ())
    if url is not None:
        with connected(url, text) as target:
            yield Measured(target, EngineCounters(engine_url) if engine_url else None)
        return
    with local_gateway(*engine_args, **overrides) as gateway, connected(gateway.url, text) as target:
        yield Measured(target, EngineCounters(gateway.engine_url))


def numbers(text: str, option: str) -> tuple[int, ...]:
    """Comma-separated whole numbers above 0, rising; raises ``InvalidOptionError``."""
    try:
        values = sorted({int(part) for part in text.split(",")})
    except ValueError as error:
        raise InvalidOptionError(f"--{option}: {text!r} is no list of whole numbers", param=option) from error
    if values[0] < 1:
        raise InvalidOptionError(f"--{option}: {values[0]} is not above 0", param=option)
    return tuple(values)


def show(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows of the same names as a table."""
    console = Console(width=None if Console().is_terminal else PIPE_WIDTH)
    table = Table(title=title, title_justify="left")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="left" if isinstance(rows[0][name], str) else "right")
    for row in rows:
        table.add_row(*("-" if value is None else f"{value}" for value in row.values()))
    console.print(table)


def save(result: Mapping[str, Any], json_out: Path | None) -> None:
    """Write the result where it was asked for; raises ``InvalidOptionError``."""
    if json_out is not None:
        write(json_out, orjson.dumps(result, option=orjson.OPT_INDENT_2), "json")
