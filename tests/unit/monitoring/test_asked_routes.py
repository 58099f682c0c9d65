"""Rules, dashboards and pages that ask for clients' requests ask for all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute
from semtoken_server.families import FAMILIES
from semtoken_server.routes import operations, playground
from unit.docs.documents import DOCS, blocks
from unit.monitoring.expressions import Expression, page_expressions, panel_expressions, rule_expressions, selectors

FAMILY_ROUTES = {family.path for family in FAMILIES}
OPERATORS_ROUTES = {
    route.path
    for router in (operations.router, playground.router)
    for route in router.routes
    if isinstance(route, APIRoute)
}
METRICS_PAGE = [
    Expression(block.name, block.text) for block in blocks(DOCS / "metrics.md") if block.language == "promql"
]
ASKED = [
    asked
    for asked in (
        *panel_expressions(),
        *rule_expressions("alert"),
        *rule_expressions("record"),
        *page_expressions(),
        *METRICS_PAGE,
    )
    if "route" in asked.text
]


def routes(asked: Expression) -> Iterator[tuple[str, set[str]]]:
    """How each selector of an expression chooses routes, and which."""
    for selector in selectors(asked.text):
        for matcher in selector.matchers.matchers:
            if matcher.name == "route" and matcher.value != ".*":
                yield str(matcher.op), set(matcher.value.split("|"))


def test_something_asks_for_routes() -> None:
    where = {asked.where for asked in ASKED if list(routes(asked))}
    assert {"semtoken:generations:rate5m", "semtoken:errors:ratio_rate5m", "SemtokenRejections"} <= where


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.where)
def test_who_asks_for_routes_of_clients_has_all_families(asked: Expression) -> None:
    for operator, named in routes(asked):
        if operator == "MatchOp.NotRe":
            assert named == OPERATORS_ROUTES
        else:
            assert named >= FAMILY_ROUTES, f"{FAMILY_ROUTES - named} is left out"
