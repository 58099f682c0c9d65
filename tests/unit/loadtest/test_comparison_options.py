"""What `python -m loadtest` says to options that make no sense, and where there is no gateway."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from loadtest.__main__ import main

NOWHERE = ["--url", "http://127.0.0.1:9"]


def invoke(*flags: str, out: Path) -> Result:
    app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(main)
    return CliRunner().invoke(app, [*flags, "--out", str(out)])


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        ([], "exactly one of --url, --fake-engine and --embedded"),
        ([*NOWHERE, "--fake-engine"], "exactly one of"),
        ([*NOWHERE, "--rates", "0"], "all must be positive"),
        ([*NOWHERE, "--users", "two"], "no list of numbers"),
        (["--fake-engine", "--fake-cost", "2000"], "three numbers are wanted"),
    ],
)
def test_bad_input_ends_with_a_clear_line(flags: list[str], why: str, tmp_path: Path) -> None:
    ran = invoke(*flags, out=tmp_path)
    assert ran.exit_code == 2
    assert why in ran.stderr


@pytest.mark.parametrize(
    ("flags", "status", "why"),
    [(NOWHERE, 1, "refused"), ([*NOWHERE, "--scenario", "haiku"], 2, "'haiku' is not one of rag, agent, summarise")],
)
def test_what_cannot_be_done_is_told_in_a_line(flags: list[str], status: int, why: str, tmp_path: Path) -> None:
    ran = invoke(*flags, out=tmp_path)
    assert ran.exit_code == status
    assert ran.stderr.startswith("loadtest: ")
    assert why in ran.stderr
    assert not (tmp_path / "report.json").exists()
