"""All that is told, as one JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from loadtest.comparison.figures import rows
from loadtest.comparison.page import page
from loadtest.comparison.plan import Plan
from loadtest.comparison.runs import Run
from loadtest.comparison.servers import Served
from loadtest.passthrough.machine import commit, load, machine


def before() -> dict[str, Any]:
    """Commit and machine, as they are before the load."""
    return {"commit": commit(), "machine": machine()}


def report(
    context: dict[str, Any], plan: Plan, served: Served, runs: Sequence[Run], *, data: str, model: str
) -> dict[str, Any]:
    """``context`` is ``before()``; ``data`` tells in a word what the prompts are from."""
    return {
        **context,
        "load_1_min_after": load(),
        "engine": served.engine,
        "model": model,
        "data": data,
        "plan": asdict(plan),
        "rows": rows(runs, plan.seconds, plan.slo),
    }


def write(told: dict[str, Any], folder: Path) -> None:
    """``report.json`` and ``report.html``."""
    (folder / "report.json").write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
    (folder / "report.html").write_text(page(told), encoding="utf-8")
