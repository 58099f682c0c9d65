"""Figures of all runs with the same load and mode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from loadtest.comparison.plan import MODES, Slo
from loadtest.comparison.runs import Run
from loadtest.sending.record import Record

PERCENTILES = (50, 90, 95, 99)
Row = dict[str, Any]


def rows(runs: Sequence[Run], seconds: float, slo: Slo) -> list[Row]:
    """One row for each loop, load and mode, of all its rounds together."""

    def key(run: Run) -> tuple[bool, float, int]:
        return run.case.loop == "closed", run.case.load, MODES.index(run.case.mode)

    return [_row(list(same), seconds, slo) for _, same in groupby(sorted(runs, key=key), key)]


def _row(runs: Sequence[Run], seconds: float, slo: Slo) -> Row:
    case = runs[0].case
    records = [record for run in runs for record in run.records]
    window = seconds * len(runs)
    good = sum(_good(record, slo) for record in records)
    return {
        "loop": case.loop,
        "load": case.load,
        "mode": case.mode,
        "rounds": len(runs),
        "requests": len(records),
        "sent_per_s": round(len(records) / window, 4),
        **_measured(records),
        "goodput_per_s": round(good / window, 4),
        "good_share": round(good / len(records), 4) if records else None,
        "send_delay_s": percentiles(record.late for record in records),
        "prefix_cache": _cache(runs),
        "load_1_min": [run.load_1_min for run in runs],
        "by_scenario": {
            scenario: _measured([record for record in records if record.scenario == scenario])
            for scenario in sorted({record.scenario for record in records})
        },
    }


def _measured(records: Sequence[Record]) -> Row:
    """Times are those of whole answers; an error has none."""
    whole = [record for record in records if not record.error]
    before, forwarded = sum(r.before for r in whole), sum(r.prompt_tokens for r in whole)
    return {
        "answered": len(whole),
        "errors": dict(Counter(record.error for record in records if record.error).most_common()),
        "statuses": dict(Counter(record.status for record in whole).most_common()),
        "ttft_s": percentiles(record.first for record in whole),
        "inter_token_s": percentiles(gap for record in whole for gap in record.gaps),
        "total_s": percentiles(record.total for record in whole),
        "compress_ms": percentiles(record.compress_ms for record in whole),
        "tokens": {
            "before": before,
            "forwarded": forwarded,
            "ratio": round(before / forwarded, 3) if forwarded else None,
            "output": sum(record.output_tokens for record in whole),
        },
    }


def percentiles(values: Iterable[float | None]) -> dict[str, float] | None:
    """Those of ``PERCENTILES``; ``None`` where there are no values."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    found = np.percentile(known, PERCENTILES)
    return {f"p{quantile}": round(float(value), 4) for quantile, value in zip(PERCENTILES, found, strict=True)}


def _good(record: Record, slo: Slo) -> bool:
    if record.error or record.first is None:
        return False
    return record.first <= slo.ttft_s and (record.per_token or 0.0) <= slo.inter_token_s


def _cache(runs: Sequence[Run]) -> Row | None:
    counts = [run.cache for run in runs if run.cache is not None]
    if len(counts) < len(runs):
        return None
    hits, queries = (sum(column) for column in zip(*counts, strict=True))
    return {"hits": hits, "queries": queries, "hit_rate": round(hits / queries, 4) if queries else None}
