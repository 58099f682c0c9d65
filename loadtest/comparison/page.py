"""The report as one page that needs nothing beside itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from loadtest.comparison.plots import plots

_TEMPLATE = Path(__file__).with_name("page.html.j2")
_LOOPS = {"open": "Open loop: requests arrive whatever becomes of those before", "closed": "Closed loop: users wait"}


def page(report: dict[str, Any]) -> str:
    """HTML of what ``report.json`` holds."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["seconds"] = _seconds
    rows = report["rows"]
    loops = [(title, [row for row in rows if row["loop"] == loop], plots(rows, loop)) for loop, title in _LOOPS.items()]
    return environment.from_string(_TEMPLATE.read_text()).render(report=report, loops=loops)


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"
