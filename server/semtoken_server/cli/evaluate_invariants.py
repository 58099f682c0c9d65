"""`semtoken eval invariants`: counts of what compression promises never to break."""

from __future__ import annotations

import sys

import orjson
import typer
from rich import box
from rich.console import Console
from rich.table import Table
from semtoken.evaluation.invariants import InvariantSettings, Tally, check_invariants
from semtoken.evaluation.subjects import load_subjects

from semtoken_server.cli.evaluate_arguments import (
    Data,
    EncoderName,
    JsonOut,
    Limit,
    ModelFolder,
    MoreData,
    OnDevice,
    Ratios,
    Runtime,
    Seed,
)
from semtoken_server.cli.evaluate_models import Models
from semtoken_server.cli.evaluate_options import ratios, sources
from semtoken_server.cli.evaluate_output import PIPE_WIDTH, progress_bar, write
from semtoken_server.cli.terminal import note

_BROKEN = 1


def invariants(
    more: MoreData = None,
    data: Data = None,
    ratio: Ratios = "2.4,4,8",
    model: ModelFolder = None,
    encoder: EncoderName = None,
    device: OnDevice = "auto",
    runtime: Runtime = "auto",
    limit: Limit = None,
    seed: Seed = 0,
    json_out: JsonOut = None,
) -> None:
    """Count what must always hold: pins, numbers, JSON, code, log templates. Status 1 where it did not."""
    settings = InvariantSettings(ratios(ratio), seed)
    sets = [load_subjects(source, limit=limit, seed=seed) for source in sources(data, more)]
    compressor = Models(model, encoder, device, runtime=runtime).compressor
    with progress_bar() as progress:
        tallies = check_invariants(sets, compressor, settings, progress)
    _print(tallies)
    if json_out is not None:
        found = {
            "kind": "invariants",
            "compressor": compressor.fingerprint,
            "seed": seed,
            "rows": [tally.to_dict() for tally in tallies],
        }
        write(json_out, orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE), "json")
    if any(tally.broken for tally in tallies):
        raise typer.Exit(_BROKEN)


def _print(tallies: list[Tally]) -> None:
    terminal = sys.stdout.isatty()
    table = Table(box=box.SIMPLE_HEAD if terminal else None, pad_edge=False)
    for heading in ("data", "check", "ratio", "held", "of", "%"):
        table.add_column(heading, justify="left" if heading in ("data", "check") else "right")
    for tally in tallies:
        share = f"{100 * tally.held / tally.n:.1f}"
        style = "bold" if tally.broken else None
        table.add_row(tally.data, tally.check, f"{tally.ratio:g}", str(tally.held), str(tally.n), share, style=style)
    Console(width=None if terminal else PIPE_WIDTH).print(table)
    for tally in tallies:
        for failure in tally.failures:
            note(f"note: {tally.check} at {tally.ratio:g}x did not hold: {' '.join(failure.split())}")
