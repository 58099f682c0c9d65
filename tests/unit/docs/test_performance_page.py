"""docs/performance.md holds the figures of the results beside it."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from performance_page import PAGE, RESULTS, TARGETS, filled, plots, table


def test_the_table_and_the_plots_are_those_of_the_results() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert filled(page) == page, "run scripts/performance_page.py"
    assert {path.name for path in RESULTS.glob("*.svg")} == set(plots(RESULTS))
    assert all(f"performance/{name}" in page for name in plots(RESULTS))


def test_what_was_not_measured_is_said_to_be_so(tmp_path: Path) -> None:
    assert table(tmp_path).count("not measured") == len(TARGETS) + 1


@pytest.mark.parametrize(("ttft", "told"), [(3.2, "3.20x |"), (3.19, "3.19x (missed) |")])
def test_a_target_that_is_missed_is_said_to_be(tmp_path: Path, ttft: float, told: str) -> None:
    result = {"speedup": {"ttft": ttft, "total": 9.0, "tokens": 9.0}}
    (tmp_path / "gateway.json").write_bytes(orjson.dumps(result))
    (row,) = [line for line in table(tmp_path).splitlines() if "time to first token" in line]
    assert row.endswith(told)


@pytest.mark.parametrize(("ratio", "told"), [(2.9, "met in 2 of 2 cases |"), (3.1, "met in 1 of 2 cases (missed) |")])
def test_the_pass_through_is_told_by_its_worst_case(tmp_path: Path, ratio: float, told: str) -> None:
    cases = [
        {
            "measure": "added_p50_ms",
            "peer": "vllm-router",
            "ratio": value,
            "limit": 3.0,
            "at_least": False,
            "met": value <= 3,
        }
        for value in (1.0, ratio)
    ]
    (tmp_path / "passthrough.json").write_bytes(orjson.dumps({"targets": cases}))
    (row,) = [line for line in table(tmp_path).splitlines() if "pass-through" in line]
    assert f"{ratio:.2f}x at worst" in row
    assert row.endswith(told)
