"""The PromQL of dashboards and rules, taken apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser as promql
import yaml
from unit.docs.documents import DOCS, ROOT, blocks

DASHBOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))

# The longer first: `$__range` begins `$__range_s` too.
_VARIABLES = {"$__rate_interval": "1m", "$__range_s": "120", "$__range": "2m"}
_CHOICES = ("$instance", "$engine", "$route")
_COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})
_SETS = frozenset({"and", "or", "unless"})


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression and where it stands; a dashboard's variables are filled in."""

    where: str
    text: str


def panels(path: Path) -> Iterator[dict[str, Any]]:
    """The panels of a dashboard that show something."""
    for panel in json.loads(path.read_text())["panels"]:
        if panel["type"] != "row":
            yield panel


def panel_expressions() -> list[Expression]:
    """What every panel of every dashboard asks."""
    return [
        Expression(f"{path.stem}: {panel['title']}: {target['legendFormat']}", filled_in(target["expr"]))
        for path in DASHBOARDS
        for panel in panels(path)
        for target in panel["targets"]
    ]


def rules(path: Path) -> list[dict[str, Any]]:
    """The rules of a file."""
    return [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def all_rules(kind: str) -> dict[str, dict[str, Any]]:
    """Every rule of a kind, ``alert`` or ``record``, by its name."""
    found = [rule for path in RULES for rule in rules(path) if kind in rule]
    by_name = {rule[kind]: rule for rule in found}
    assert len(by_name) == len(found), "two rules have one name"
    return by_name


def rule_expressions(kind: str) -> list[Expression]:
    """What every rule of a kind asks."""
    return [Expression(name, rule["expr"]) for name, rule in all_rules(kind).items()]


def page_expressions() -> list[Expression]:
    """What the pages for operators tell to ask."""
    pages = [DOCS / f"{name}.md" for name in ("runbook", "monitoring", "quality")]
    return [
        Expression(block.name, block.text) for page in pages for block in blocks(page) if block.language == "promql"
    ]


def filled_in(text: str) -> str:
    """``text`` with the variables of dashboards as Grafana would fill them in; raises on one it does not know."""
    for name, value in _VARIABLES.items():
        text = text.replace(name, value)
    for name in _CHOICES:
        text = text.replace(f'"{name}"', '".*"')
    if "$" in text:
        raise ValueError(f"an unknown variable in {text!r}")
    return text


def nodes(expression: Any) -> list[Any]:
    """Every node of a parsed expression."""
    found: list[Any] = []
    promql.walk(expression, found.append)
    return found


def selectors(text: str) -> list[promql.VectorSelector]:
    """Every selector of an expression, those with a range included."""
    return [node for node in nodes(promql.parse(text)) if isinstance(node, promql.VectorSelector)]


def operands(text: str) -> list[str]:
    """What an expression compares: an alert's own has no data in health, these have."""
    return [operand.prettify() for operand in _operands(promql.parse(text))]


def _operands(node: Any) -> Iterator[Any]:
    if isinstance(node, promql.ParenExpr):
        yield from _operands(node.expr)
    elif isinstance(node, promql.BinaryExpr) and str(node.op) in _COMPARISONS | _SETS:
        yield from _operands(node.lhs)
        yield from _operands(node.rhs)
    elif isinstance(node, promql.Call) and node.func.name == "absent":
        yield from _operands(node.args[0])
    elif not isinstance(node, promql.NumberLiteral):
        yield node
