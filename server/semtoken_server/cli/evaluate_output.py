"""What `semtoken eval` shows and writes: progress, the table, JSON and HTML files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from semtoken.errors import InvalidOptionError
from semtoken.evaluation.protocol import Progress as Told
from semtoken.evaluation.protocol import silent
from semtoken.evaluation.report import COLUMNS, POOLED_COLUMNS, Column, Report
from semtoken.evaluation.rows import Row

PIPE_WIDTH = 200


def say(line: str) -> None:
    """Tell a person at a terminal what takes long; nothing in a pipe."""
    if sys.stderr.isatty():
        Console(stderr=True).print(line, markup=False, highlight=False)


@contextmanager
def progress_bar() -> Iterator[Told]:
    """A bar on standard error where it is a terminal."""
    if not sys.stderr.isatty():
        yield silent
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(done: int, total: int, following: str) -> None:
            bar.update(task, completed=done, total=total, description=following)

        yield show


def deliver(report: Report, json_out: Path | None, html_out: Path | None) -> None:
    """Print the table and the notes, and write the files asked for; raises ``InvalidOptionError``."""
    _print_tables(report)
    errors = Console(stderr=True, soft_wrap=True)
    for note in report.notes:
        errors.print(f"note: {note}", markup=False, highlight=False)
    if json_out is not None:
        write(json_out, report.to_json(), "json")
    if html_out is not None:
        write(html_out, report.to_html().encode(), "html")


def _print_tables(report: Report) -> None:
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
    for title, rows in report.tasks():
        _print_table(console, f"{title} (n = {rows[0]['n']})", rows, COLUMNS[report.kind])
    if report.pooled:
        _print_table(console, report.pooled_title(), report.pooled, POOLED_COLUMNS, intervals=True)


def _print_table(
    console: Console, title: str, rows: Sequence[Row], columns: Sequence[Column], *, intervals: bool = False
) -> None:
    table = Table(box=box.SIMPLE_HEAD if sys.stdout.isatty() else None, pad_edge=False)
    table.add_column("method")
    for heading in ("ratio", *(column.title for column in columns)):
        table.add_column(heading, justify="right")
    for row in rows:
        cells = [f"{column.write(row)} {column.interval(row) if intervals else ''}".rstrip() for column in columns]
        # Brackets are rich's markup.
        texts = [row["method"], f"{row['ratio_asked']:g}", *map(escape, cells)]
        table.add_row(*texts, style="bold" if row["method"] == "semtoken" else None)
    console.print(title, markup=False, highlight=False)
    console.print(table)
    console.print()


def write(path: Path, content: bytes, option: str) -> None:
    """Write a result's file; raises ``InvalidOptionError`` that names the option."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InvalidOptionError(f"--{option} {path}: cannot be written ({error.strerror})", param=option) from error
