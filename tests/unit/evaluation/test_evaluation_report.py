from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from semtoken.evaluation.plot import quality_plot
from semtoken.evaluation.report import COLUMNS, Report

NAMES = {
    "qa": ("f1", "em", "answer_in_context", "answer_nll"),
    "lm": ("ppl", "nll", "delta_nll", "far_n", "far_nll", "far_minus_truncate"),
    "recall": ("kept_fraction_asked_first", "answer_in_context", "asked_first", "difference"),
}


def row(kind: str, method: str, ratio: float, value: float | None) -> dict[str, Any]:
    return {
        "data": "<set>",
        "task": "task",
        "method": method,
        "ratio_asked": ratio,
        "n": 3,
        "kept_fraction": 1 / ratio,
        "compress_ms_per_1k_tokens": 1.5,
        "ci95": {name: None if value is None else [value - 0.1, value + 0.1] for name in NAMES[kind]},
        **dict.fromkeys(NAMES[kind], value),
    }


def report(kind: str, value: float | None = 0.5) -> Report:
    rows = [row(kind, "none", 1.0, value), row(kind, "semtoken", 2.4, value), row(kind, "semtoken", 4.0, value)]
    return Report(kind, "model", "sha256:0", 7, tuple(rows), {"split": "all"}, ("<b>note</b>",))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", list(NAMES))
def test_json_is_the_contract(kind: str) -> None:
    parsed = json.loads(report(kind).to_json())
    assert set(parsed) >= {"model", "tokenizer", "seed", "rows"}
    assert parsed["rows"][1]["method"] == "semtoken"
    assert parsed["notes"] == ["<b>note</b>"]


@pytest.mark.parametrize("kind", list(NAMES))
@pytest.mark.parametrize("value", [0.5, None])
def test_html_is_self_contained_escaped_and_well_formed(kind: str, value: float | None) -> None:
    page = report(kind, value).to_html()
    assert not re.search(r"(?:src|href)\s*=|url\(|@import|<script", page)
    assert "&lt;set&gt;: task" in page
    assert "<b>note" not in page
    assert all(column.title in page for column in COLUMNS[kind])  # type: ignore[index]
    for svg in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL):
        assert ElementTree.fromstring(svg).findall(".//polyline")
    assert ("<svg" in page) is (value is not None)


def test_a_plot_starts_every_method_at_no_compression_and_stays_inside() -> None:
    rows = [row("qa", "none", 1.0, 0.9), row("qa", "a", 2.0, 0.7), row("qa", "a", 4.0, 0.2), row("qa", "b", 2.0, 0.8)]
    plot = quality_plot(rows, "f1", "F1", 100.0)
    first, second = plot.lines
    assert [line.method for line in plot.lines] == ["a", "b"]
    assert first.points[0] == second.points[0]
    assert [x for x, _ in first.points] == sorted(x for x, _ in first.points)
    heights = [y for _, y in first.points]
    assert heights == sorted(heights)  # SVG's y grows downwards, and this score falls
    assert all(0 < x < 460 and 0 < y < 280 for line in plot.lines for x, y in line.points)
    assert [tick.label for tick in plot.x_ticks] == ["1x", "2x", "4x"]


def test_pooled_rows_are_in_json_and_page_with_their_intervals() -> None:
    pooled = {
        "method": "semtoken",
        "ratio_asked": 2.4,
        "tasks": ["<set>: a", "set: b"],
        "n": 44,
        "kept_fraction": 0.41,
        "answer_nll_minus_none": -0.25,
        "f1_minus_none": 0.012,
        "answer_in_context": None,
        "ci95": {"answer_nll_minus_none": [-0.5, 0.125], "f1_minus_none": [-0.01, 0.03], "answer_in_context": None},
    }
    whole = replace(report("qa"), pooled=(pooled,))
    assert json.loads(whole.to_json())["pooled"] == [pooled]
    page = whole.to_html()
    assert "mean over 2 tasks (n = 44)" in page
    assert "&lt;set&gt;: a; set: b" in page
    assert re.search(r'-0\.250 <span class="ci">\[-0\.500, \+0\.125\]</span>', page)
    assert re.search(r'\+1\.2 <span class="ci">\[-1\.0, \+3\.0\]</span>', page)
