"""What the fuzzer found worth keeping, run again: inputs that reach new code, and those that once failed."""

from __future__ import annotations

from pathlib import Path

from fuzz import segmenter

CORPUS = Path(__file__).parents[2] / "fuzz" / "corpus"


def test_the_segmenter_s_invariants_hold_on_the_corpus() -> None:
    paths = sorted((CORPUS / "segmenter").iterdir())
    assert len(paths) > 100
    for path in paths:
        segmenter.check(path.read_bytes())
