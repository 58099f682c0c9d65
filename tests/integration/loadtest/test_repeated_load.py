"""Load that is repeated finds nothing of the load before it: not in the engine's cache, not in the gateway's."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

import httpx
import pytest
from semtoken.bundled import BundledModels

from loadtest.comparison.plan import Plan, Slo
from loadtest.comparison.runs import Run, run_all
from loadtest.comparison.servers import Served, simulated
from loadtest.prompts.files import write
from loadtest.prompts.sequence import sequence
from loadtest.simulated.cost import Cost

PLAN = Plan(("rag",), (2.0, 4.0), (), 2, 1, 3, 16_000, Slo(2.0, 0.1))


def load(served: Served, folder: Path) -> list[Run]:
    folder.mkdir()
    write(sequence(PLAN.scenarios, None, seed=PLAN.seed), folder / "prompts.jsonl")
    return list(run_all(PLAN, served, folder / "prompts.jsonl", folder, lambda _: None))


def cache_events(url: str) -> dict[str, float]:
    exposition = httpx.get(f"{url}/metrics", trust_env=False).text
    return {
        event: float(value)
        for event, value in re.findall(r'semtoken_cache_events_total\{event="(\w+)"\} (\S+)', exposition)
    }


@pytest.mark.model
def test_repeated_load_finds_no_prompt_in_any_cache(models: BundledModels, tmp_path: Path) -> None:
    assert models.ready
    # Cheap, so that it is the gateway that takes the time.
    with simulated(tmp_path, Cost(50_000, 500, 8)) as served:
        first, again = load(served, tmp_path / "first"), load(served, tmp_path / "again")
        events = cache_events(served.url)
    for run, repeated in zip(first, again, strict=True):
        assert run.case == repeated.case
        assert sorted(record.key for record in run.records) == sorted(record.key for record in repeated.records)
        assert run.cache is not None
        assert repeated.cache is not None
        found, looked_for = repeated.cache
        # Questions of one run about one document share it; prompts that came before would be found whole.
        assert found / looked_for < 0.7
        assert found == pytest.approx(run.cache[0], abs=0.15 * looked_for)
    assert not any(events.values()), events
    # Nor is a text sent to the gateway again by the next pair of runs.
    pairs = [[run.records for run in pair] for _, pair in groupby(first, lambda run: run.case.load)]
    sent = [{record.key for records in pair for record in records} for pair in pairs]
    assert len(sent) == 2
    assert all(sent)
    assert not sent[0] & sent[1]
