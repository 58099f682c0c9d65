"""docs/loadtest.md: figures are those of the run whose report lies beside it; commands and options are known."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import typer
from typer.main import get_command
from unit.docs.documents import DOCS, ROOT, blocks, code_spans, table_rows

import loadtest.__main__
import loadtest.guidellm.__main__
from loadtest.prompts.sequence import SCENARIOS, sequence

PAGE = DOCS / "loadtest.md"
RUN = DOCS / "performance" / "loadtest.json"


def report() -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(RUN.read_bytes())
    return found


def times(row: dict[str, Any], name: str, form: str = ".2f", scale: float = 1.0) -> list[str]:
    return [format(row[name][quantile] * scale, form) for quantile in ("p50", "p90", "p95", "p99")]


def named(row: dict[str, Any], cells: dict[str, str]) -> dict[str, str]:
    return {"rate": f"{row['load']:g}", "compression": row["mode"], **cells}


def spread(prefix: str, values: list[str]) -> dict[str, str]:
    return dict(zip((f"{prefix} p50", f"{prefix} p90", f"{prefix} p95", f"{prefix} p99"), values, strict=True))


def test_times() -> None:
    expected = [
        named(row, spread("first token", times(row, "ttft_s")) | spread("total", times(row, "total_s")))
        for row in report()["rows"]
    ]
    assert table_rows(PAGE, *expected[0]) == expected


def test_times_between_tokens() -> None:
    expected = [
        named(row, spread("ms between tokens", times(row, "inter_token_s", ".0f", 1000.0))) for row in report()["rows"]
    ]
    assert table_rows(PAGE, *expected[0]) == expected


def test_counts() -> None:
    expected = [
        named(
            row,
            {
                "sent": str(row["requests"]),
                "errors": str(sum(row["errors"].values())),
                "good": f"{row['good_share']:.0%}",
                "compressed": str(row["statuses"].get("compressed", 0)),
                "tokens before": f"{row['tokens']['before']:,}",
                "forwarded": f"{row['tokens']['forwarded']:,}",
                "found in prefix cache": f"{row['prefix_cache']['hit_rate']:.1%}",
            },
        )
        for row in report()["rows"]
    ]
    assert table_rows(PAGE, *expected[0]) == expected


def test_scenarios() -> None:
    """Median time to the first token over the rates, off and on, and tokens of all rates together."""
    expected = []
    for scenario in ("rag", "agent", "summarise", "chat"):
        cells = {"scenario": scenario}
        for mode in ("off", "on"):
            parts = [row["by_scenario"][scenario] for row in report()["rows"] if row["mode"] == mode]
            cells |= {f"first token {mode}": " / ".join(f"{part['ttft_s']['p50']:.2f}" for part in parts)}
        before = sum(part["tokens"]["before"] for part in parts)
        forwarded = sum(part["tokens"]["forwarded"] for part in parts)
        cells |= {"tokens before": f"{before:,}", "forwarded": f"{forwarded:,}"}
        expected.append(cells)
    assert table_rows(PAGE, *expected[0]) == expected


def test_the_run_was_on_a_real_engine() -> None:
    assert report()["engine"] == "embedded"


def options(main: Callable[..., None]) -> set[str]:
    app = typer.Typer(add_completion=False)
    app.command()(main)
    return {name for parameter in get_command(app).params for name in parameter.opts}


OWN = options(loadtest.__main__.main)
LOCUST = set(re.findall(r'"(--[a-z-]+)"', (ROOT / "loadtest/scenarios/options.py").read_text()))
LOCUST |= {"--host", "--headless", "--run-time", "--stop-timeout"}
LINES = [line for block in blocks(PAGE) for line in block.text.splitlines()]


@pytest.mark.parametrize("line", LINES)
def test_a_command_has_its_options(line: str) -> None:
    words = shlex.split(line, comments=True)
    flags = {word for word in words if word.startswith("--")}
    if words[0] == "make":
        assert f"\n{words[1]}: " in (ROOT / "Makefile").read_text()
    elif words[0] == ".venv/bin/locust":
        assert (ROOT / words[words.index("-f") + 1]).is_file()
        assert flags <= LOCUST
    elif words[1:3] == ["-m", "loadtest"]:
        assert flags <= OWN
    elif words[1:3] == ["-m", "loadtest.guidellm"]:
        assert flags <= options(loadtest.guidellm.__main__.main)
    else:
        assert words[1:3] == ["-m", "venv"]


def test_the_bundled_prompts_are_as_many_as_the_page_says() -> None:
    assert f"the bundled ones are {len(sequence(list(SCENARIOS), None))}," in PAGE.read_text()


def test_every_option_is_told() -> None:
    told = {code for row in table_rows(PAGE, "option", "what it does", "default") for code in row["option"].split(", ")}
    assert {code.strip("`") for code in told} | {"--out"} == OWN
    assert "--out" in code_spans(PAGE)
