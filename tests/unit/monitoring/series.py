"""The series that dashboards and rules may ask for: the gateway's, vLLM's, and those that rules record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families
from semtoken_server.metrics import Metrics
from unit.docs.documents import DOCS, codes, table_rows
from unit.monitoring.expressions import all_rules

SCRAPED = frozenset({"instance", "job"})
"""Labels that Prometheus gives to whatever it scrapes."""

_ENDINGS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
_VLLM_LABELS = frozenset({"model_name", "engine", "finished_reason", "reason", "le"})


@cache
def ours() -> Mapping[str, frozenset[str]]:
    """Every series of the gateway and its labels."""
    metrics = Metrics()
    for collector in metrics._registry._collector_to_names:
        if isinstance(collector, MetricWrapperBase) and collector._labelnames:
            collector.labels(*collector._labelnames)
    families = list(text_string_to_metric_families(metrics.render("")[0].decode()))
    return {sample.name: frozenset(sample.labels) for family in families for sample in family.samples}


@cache
def vllm() -> Mapping[str, frozenset[str]]:
    """Every series of the installed vLLM, as its source names them; skips aloud where there is none."""
    spec = find_spec("vllm")
    if spec is None or spec.origin is None:
        pytest.skip("vLLM is not installed: the names of its metrics cannot be checked")
    source = (Path(spec.origin).parent / "v1" / "metrics" / "loggers.py").read_text()
    found = re.findall(r'self\._(counter|gauge|histogram)_cls\(\s*name="([^"]+)"', source)
    return {
        (name if name.endswith(ending) and kind == "counter" else name + ending): _VLLM_LABELS
        for kind, name in found
        for ending in _ENDINGS[kind]
    }


def recorded() -> Mapping[str, frozenset[str]]:
    """Every series that a rule records; none of them has a label."""
    return {name: frozenset() for name in all_rules("record")}


def known() -> Mapping[str, frozenset[str]]:
    """All of them."""
    return {"up": frozenset(), **ours(), **vllm(), **recorded()}


def documented(label: str, series: str) -> set[str]:
    """The values that docs/metrics.md gives a label of one of our series."""
    base = re.sub(r"_(bucket|sum|count)$", "", series)
    rows = [row for row in table_rows(DOCS / "metrics.md", "label", "of", "values") if label in codes(row["label"])]
    told = [row for row in rows if codes(row["of"]) in ([], [base])]
    values = {value for row in told for value in codes(row["values"])}
    if (label, base) == ("reason", "semtoken_compression_requests_total"):
        reasons = table_rows(DOCS / "metrics.md", "reason", "with status", "meaning")
        values |= {reason for row in reasons for reason in codes(row["reason"])}
    return values
