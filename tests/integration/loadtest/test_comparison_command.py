"""`python -m loadtest` from its command line to its report, with a real gateway before the simulated engine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from semtoken.bundled import BundledModels

ROOT = Path(__file__).resolve().parents[3]


def loadtest(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "loadtest", *arguments]
    return subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.model
def test_a_short_run_compares_on_with_off(models: BundledModels, tmp_path: Path) -> None:
    assert models.ready
    # Cheap, so that it is the gateway that takes the time.
    engine = ["--fake-engine", "--fake-cost", "50000,500,8"]
    flags = ["--rates", "2", "--users", "2", "--seconds", "3", "--scenario", "rag,agent,chat"]
    ran = loadtest(*engine, *flags, "--out", str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    report: dict[str, Any] = json.loads((tmp_path / "report.json").read_text())
    assert report["engine"] == "simulated"
    rows = {(row["loop"], row["mode"]): row for row in report["rows"]}
    assert set(rows) == {(loop, mode) for loop in ("open", "closed") for mode in ("off", "on")}
    for row in rows.values():
        assert row["errors"] == {}
        assert row["answered"] == row["requests"] > 0
        assert row["prefix_cache"]["queries"] >= row["tokens"]["forwarded"]
    off, on = rows["open", "off"], rows["open", "on"]
    # The open loop is the same plan twice; the closed one sends what the answers allow.
    planned_off, planned_on = (planned(tmp_path / f"open-2-0-{mode}.jsonl") for mode in ("off", "on"))
    assert [key for _, key in planned_off] == [key for _, key in planned_on]
    assert [due for due, _ in planned_off] == pytest.approx([due for due, _ in planned_on])
    assert set(off["statuses"]) == {"off"}
    assert on["statuses"]["compressed"] > 0
    assert on["tokens"]["forwarded"] < off["tokens"]["forwarded"]
    page = (tmp_path / "report.html").read_text()
    assert page.count("<img ") == 8
    assert "The engine was simulated" in page


def planned(records: Path) -> list[tuple[float, str]]:
    """Which prompts were planned for which instants."""
    return sorted((record["due"], record["key"]) for record in map(json.loads, records.read_text().splitlines()))
