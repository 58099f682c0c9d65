"""docs/metrics.md and the metrics are the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import get_args

import pytest
from prometheus_client import Metric
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families
from semtoken import Status
from semtoken.caching import CacheEvent
from semtoken.datamodels import TIMED_STAGES, Reason
from semtoken_server.engines.attempt import Cause
from semtoken_server.engines.routing import How
from semtoken_server.errors import GatewayError
from semtoken_server.metrics import Metrics
from semtoken_server.routes import compress, generation, operations, passthrough, playground
from unit.docs.documents import DOCS, ROOT, Block, blocks, codes, table_rows

PAGE = DOCS / "metrics.md"
ROWS = table_rows(PAGE, "metric", "type", "labels", "unit", "meaning")
LABELS = table_rows(PAGE, "label", "of", "values")
REASONS = table_rows(PAGE, "reason", "with status", "meaning")
QUERIES = [block for block in blocks(PAGE) if block.language == "promql"]

Described = set[tuple[str, str, frozenset[str]]]


def exposed() -> Iterator[Metric]:
    """Every metric as /metrics shows it, with one sample each: only samples show labels."""
    metrics = Metrics()
    for collector in metrics._registry._collector_to_names:
        if isinstance(collector, MetricWrapperBase) and collector._labelnames:
            collector.labels(*collector._labelnames)
    for family in text_string_to_metric_families(metrics.render("")[0].decode()):
        if not family.name.endswith("_created"):
            yield family


FAMILIES = list(exposed())


def labels_of(family: Metric) -> frozenset[str]:
    return frozenset(label for sample in family.samples for label in sample.labels) - {"le"}


def full_name(family: Metric) -> str:
    """The name as one writes it: the parser takes a counter's ending off."""
    return f"{family.name}_total" if family.type == "counter" else family.name


def values_of(label: str, metric: str | None = None) -> set[str]:
    """The documented values of a label, of one metric or of all that have it."""
    (row,) = [row for row in LABELS if codes(row["label"]) == [label] and codes(row["of"]) == ([metric] * bool(metric))]
    return set(codes(row["values"]))


def test_every_metric_is_documented_as_it_is_shown_and_nothing_else() -> None:
    shown: Described = {(full_name(family), family.type, labels_of(family)) for family in FAMILIES}
    told: Described = {(codes(row["metric"])[0], row["type"], frozenset(codes(row["labels"]))) for row in ROWS}
    assert told == shown
    assert len(told) == len(ROWS)


def test_seconds_and_tokens_are_in_the_name() -> None:
    for row in ROWS:
        (name,) = codes(row["metric"])
        assert (row["unit"] == "seconds") == name.endswith("_seconds"), name
        assert (row["unit"] == "tokens") == name.endswith(("_tokens", "_tokens_total")), name


def test_every_label_is_explained_for_every_metric_that_has_it() -> None:
    of_all = {label for row in LABELS for label in codes(row["label"]) if not codes(row["of"])}
    of_one = {(label, metric) for row in LABELS for label in codes(row["label"]) for metric in codes(row["of"])}
    shown = {(label, full_name(family)) for family in FAMILIES for label in labels_of(family)}
    assert {label for label, _ in shown} == of_all | {label for label, _ in of_one}
    assert {pair for pair in shown if pair[0] not in of_all} == of_one


def test_the_routes() -> None:
    routers = (compress.router, generation.router, operations.router, passthrough.router, playground.router)
    paths: set[str] = {getattr(route, "path", "") for router in routers for route in router.routes}
    assert values_of("route") == paths | {"unmatched"}


def test_the_stages() -> None:
    assert values_of("stage", "semtoken_compression_seconds") == {*TIMED_STAGES, "total"}


def test_the_events_of_the_cache() -> None:
    assert values_of("event", "semtoken_cache_events_total") == set(get_args(CacheEvent))


def test_the_documented_choices_and_causes_are_those_of_the_engines() -> None:
    assert values_of("how", "semtoken_engine_choices_total") == set(get_args(How))
    assert values_of("cause", "semtoken_engine_retries_total") == set(get_args(Cause))


def test_the_reasons_of_refused_admission() -> None:
    raised = {error.rejection for error in descendants(GatewayError) if error.rejection is not None}
    assert values_of("reason", "semtoken_admission_rejections_total") == raised


def descendants(error: type[GatewayError]) -> Iterator[type[GatewayError]]:
    for child in error.__subclasses__():
        yield child
        yield from descendants(child)


def test_the_statuses() -> None:
    told = values_of("status", "semtoken_compression_requests_total")
    assert told == {*Status, "failed-open", "refused"}
    assert told == {status for row in REASONS for status in codes(row["with status"])}


def test_every_reason_is_documented_and_none_that_nobody_gives() -> None:
    told = [reason for row in REASONS for reason in codes(row["reason"])]
    assert len(set(told)) == len(told)
    assert set(Reason) <= set(told)
    assert set(told) <= {*Reason, *words_in_the_gateway()}


def test_the_other_values_are_words_of_the_gateway_or_of_the_library() -> None:
    words = words_in_the_gateway() | {"target_tokens", "fit_window"}
    for label, metric in (
        ("side", "semtoken_stream_aborts_total"),
        ("stage", "semtoken_prompt_tokens_total"),
        ("cause", "semtoken_prefix_breaks_total"),
    ):
        assert values_of(label, metric) <= words


def words_in_the_gateway() -> set[str]:
    """Every string in the gateway's source."""
    sources = (ROOT / "server" / "semtoken_server").rglob("*.py")
    return {
        node.value
        for source in sources
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


@pytest.mark.parametrize("query", QUERIES, ids=lambda block: block.name)
def test_a_query_names_series_and_values_that_there_are(query: Block) -> None:
    series = {sample.name: labels_of(family) for family in FAMILIES for sample in family.samples}
    found = re.findall(r"(semtoken_\w+)(?:\{([^}]*)\})?", query.text)
    assert found
    for name, selector in found:
        assert name in series
        for label, given in re.findall(r'(\w+)=~?"([^"]*)"', selector):
            assert label in series[name]
            assert set(given.split("|")) <= documented(label)
    for grouped in re.findall(r"by \(([^)]*)\)", query.text):
        assert set(re.split(r",\s*", grouped)) <= {"le", *all_labels(series.values())}
    assert query.text.count("(") == query.text.count(")")


def documented(label: str) -> set[str]:
    return {value for row in LABELS if codes(row["label"]) == [label] for value in codes(row["values"])}


def all_labels(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*sets)
