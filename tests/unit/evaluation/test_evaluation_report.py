from __future__ import annotations

import base64
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
    assert not re.search(r"src\s*=\s*.(?!data:)|href\s*=|url\(|@import|<script", page)
    assert "&lt;set&gt;: task" in page
    assert "<b>note" not in page
    assert all(column.title in page for column in COLUMNS[kind])  # type: ignore[index]
    images = re.findall(r"data:image/svg\+xml;base64,([^\"]+)", page)
    assert all(ElementTree.fromstring(base64.b64decode(image)).tag.endswith("svg") for image in images)
    assert bool(images) is (value is not None)


def test_a_plot_starts_every_method_at_no_compression() -> None:
    rows = [row("qa", "none", 1.0, 0.9), row("qa", "a", 2.0, 0.7), row("qa", "a", 4.0, 0.2), row("qa", "b", 2.0, 0.8)]
    image = ElementTree.fromstring(quality_plot([*rows, row("qa", "unrated", 2.0, None)], "f1", "F1", 100.0))
    texts = {"".join(element.itertext()).strip() for element in image.iter() if element.tag.endswith("text")}
    assert {"F1", "a", "b", "1x", "2x", "4x"} <= texts
    assert not {"none", "unrated"} & texts
    lines = [path.get("d", "") for path in image.iter() if path.get("style", "").startswith("fill: none; stroke: #")]
    curves = [re.findall(r"[ML] ([\d.]+) ([\d.]+)", line) for line in lines if line.count("L") in (1, 2)]
    starts = {curve[0] for curve in curves if len(curve) == 3} & {curve[0] for curve in curves if len(curve) == 2}
    assert len(starts) == 1
    falling = next(curve for curve in curves if len(curve) == 3)
    assert [float(x) for x, _ in falling] == sorted(float(x) for x, _ in falling)
    assert [float(y) for _, y in falling] == sorted(float(y) for _, y in falling)  # SVG's y grows downwards


def test_equal_rows_give_equal_images() -> None:
    rows = [row("qa", "none", 1.0, 0.9), row("qa", "a", 2.0, 0.7)]
    assert quality_plot(rows, "f1", "F1") == quality_plot(rows, "f1", "F1")


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
