"""docs/evaluation.md holds the figures of the results beside it, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from evaluation_page import PAGE, RESULTS, filled


def test_tables_are_those_of_the_results() -> None:
    images: dict[str, bytes] = {}
    page = PAGE.read_text(encoding="utf-8")
    assert filled(page, images) == page, "run scripts/evaluation_page.py"
    assert {path.name for path in RESULTS.glob("*.svg")} == set(images)


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_every_result_is_on_the_page(path: Path) -> None:
    assert f" {path.stem} " in PAGE.read_text(encoding="utf-8")
