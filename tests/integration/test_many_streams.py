"""A short run of what `python -m loadtest.streams` measures: no stream goes wrong and memory stays."""

from __future__ import annotations

from pathlib import Path

from loadtest.streams.measure import Plan, measure


async def test_many_streams_at_once(tmp_path: Path) -> None:
    plan = Plan(streams=200, seconds=5, tokens=20, interval_ms=100)
    found = await measure(plan, tmp_path)
    for side in ("direct", "gateway"):
        assert found[side]["errors"] == 0, found[side]["kinds"]
        # All of them, before the time that is measured and within it.
        assert found[side]["whole"] >= 2 * plan.streams
        assert found[side]["events"] >= plan.streams * plan.tokens
    assert found["added"]["transit_p50_ms"] > 0
    assert found["memory"]["growth_mib"] < 30
