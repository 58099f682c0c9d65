"""What the fuzzer found worth keeping, run again: inputs that reach new code, and those that once failed."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz import segmenter

CORPUS = Path(__file__).parents[2] / "fuzz" / "corpus"


def inputs(target: str) -> list[Path]:
    return sorted((CORPUS / target).iterdir())


@pytest.mark.parametrize("path", inputs("segmenter"), ids=lambda path: path.name[:24])
def test_the_segmenter_s_invariants_hold(path: Path) -> None:
    segmenter.check(path.read_bytes())
