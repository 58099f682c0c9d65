"""Dashboards, rules and pages ask for series, labels and values that there are."""

from __future__ import annotations

import re
from collections.abc import Iterator

import promql_parser as promql
import pytest
from semtoken_server.metrics import Metrics
from unit.monitoring.expressions import (
    Expression,
    filled_in,
    nodes,
    operands,
    page_expressions,
    panel_expressions,
    rule_expressions,
    selectors,
)
from unit.monitoring.series import SCRAPED, documented, known, ours

ASKED = [*panel_expressions(), *rule_expressions("alert"), *rule_expressions("record"), *page_expressions()]
# What may stand for any status, and is in no list.
CODES = re.compile(r"[1-5](\.\.|\d\d)")

every_expression = pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.where)


@every_expression
def test_the_series_exist(asked: Expression) -> None:
    missing = {str(selector.name) for selector in selectors(asked.text)} - set(known())
    assert not missing, f"no such metric: {', '.join(sorted(missing))}"


@every_expression
def test_the_labels_and_their_values_exist(asked: Expression) -> None:
    for selector in selectors(asked.text):
        name = str(selector.name)
        for matcher in selector.matchers.matchers:
            assert matcher.name in known()[name] | SCRAPED, f"{name} has no label {matcher.name}"
            if name not in ours() or matcher.value == ".*" or matcher.name in {"le", *SCRAPED}:
                continue
            told = documented(matcher.name, name)
            for value in matcher.value.split("|"):
                code = matcher.name == "code" and CODES.fullmatch(value)
                assert code or value in told, f"{name} has no {matcher.name} {value!r}, only {sorted(told)}"


@every_expression
def test_what_is_grouped_by_is_there(asked: Expression) -> None:
    for node in nodes(promql.parse(asked.text)):
        if not isinstance(node, promql.AggregateExpr) or node.modifier is None:
            continue
        for name in {str(selector.name) for selector in selectors(node.expr.prettify())}:
            missing = set(node.modifier.labels) - known()[name] - SCRAPED
            assert not missing, f"{name} has no label {', '.join(sorted(missing))}"


def test_a_bound_that_is_asked_for_is_one_of_the_histogram_s() -> None:
    for asked in ASKED:
        for name, bound in bounds(asked):
            assert bound in buckets(name), f"{asked.where}: {name} has no bound {bound}"


def bounds(asked: Expression) -> Iterator[tuple[str, str]]:
    for selector in selectors(asked.text):
        for matcher in selector.matchers.matchers:
            if matcher.name == "le":
                yield str(selector.name), matcher.value


def buckets(name: str) -> set[str]:
    metrics = Metrics()
    metrics.first_token_seconds.labels("r")
    exposition = metrics.render("")[0].decode()
    return set(re.findall(rf'{name}{{.*?le="([^"]+)"', exposition))


def test_an_expression_is_taken_apart_at_its_comparisons() -> None:
    assert operands("a / b > 0.5 and (c == 1)") == ["a / b", "c"]
    assert operands('absent(up{job="x"} == 1)') == ['up{job="x"}']
    assert operands("sum(rate(a[5m])) / (b > 0)") == ["sum(rate(a[5m])) / (b > 0)"]


def test_an_unknown_variable_is_told() -> None:
    assert filled_in('rate(a{instance=~"$instance"}[$__rate_interval])') == 'rate(a{instance=~".*"}[1m])'
    with pytest.raises(ValueError, match="nobody"):
        filled_in('a{x="$nobody"}')
