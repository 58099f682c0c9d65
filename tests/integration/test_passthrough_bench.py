"""The pass-through measurement runs, and its results have their form; what the figures are is no matter here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def test_a_quick_run_measures_the_gateway_beside_the_bare_engine(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    flags = ["--quick", "--systems", "gateway", "--json", str(out), "--logs", str(tmp_path)]
    # Without an encoder the gateway is up sooner, and forwards all the same.
    environment = {**os.environ, "SEMTOKEN_ENCODER": str(tmp_path / "absent")}
    ran = subprocess.run(
        [sys.executable, "-m", "loadtest.passthrough", *flags],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(out.read_text())
    setting = {"commit", "machine", "load_1_min_after", "plan"}
    assert set(told) == setting | {"systems", "open_loop", "closed_loop", "targets"}
    assert set(told["systems"]) == {"direct", "gateway"}
    assert all(system["resident_idle_mib"] > 1 for system in told["systems"].values())
    assert {(row["rate"], row["streamed"]) for row in told["open_loop"]} == {(20, False), (20, True)}
    for row in told["open_loop"]:
        for system in row["systems"].values():
            assert (system["n"], system["errors"]) == (5, 0)
            assert system["p50_ms"] > 0
    # Throughput needs wrk; without it that part is left out, and said to be.
    if shutil.which("wrk") is None:
        assert told["closed_loop"] == []
        assert "wrk is not installed" in ran.stderr
    for row in told["closed_loop"]:
        for system in row["systems"].values():
            assert system["requests_per_s"] > 0
            assert system["errors"] == 0
    assert "requests/s" in ran.stdout


def test_a_system_that_is_not_known_is_refused() -> None:
    command = [sys.executable, "-m", "loadtest.passthrough", "--systems", "nginx"]
    ran = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 2
    assert "'nginx' is not one of" in ran.stderr
