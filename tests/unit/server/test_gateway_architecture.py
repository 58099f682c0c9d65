"""The rules of the house that the import linter cannot see: one home for each kind of thing."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import semtoken_server

SOURCE = Path(semtoken_server.__file__).parent
# The command line and the supervisor start processes, whose environment is theirs to make.
OWN_ENVIRONMENT = ("cli", "supervisor")
BROAD = ("Exception", "BaseException")


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield str(path.relative_to(SOURCE)), ast.parse(path.read_text())


def where(found: Callable[[ast.AST], bool]) -> set[str]:
    """The modules in which a node is found."""
    return {name for name, tree in modules() if any(found(node) for node in ast.walk(tree))}


def reads_environment(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "os" and any(alias.name in ("environ", "environb", "getenv") for alias in node.names)
    return isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv")


def names_metric(node: ast.AST) -> bool:
    kinds = ("Counter", "Gauge", "Histogram", "Summary", "Info", "Enum")
    if isinstance(node, ast.ImportFrom) and node.module == "prometheus_client":
        return any(alias.name in kinds for alias in node.names)
    if isinstance(node, ast.Import):
        return any(alias.name.startswith("prometheus_client") for alias in node.names)
    return False


def maps_errors(node: ast.AST) -> bool:
    """Writes an error body by hand, rather than raise what ``errors.py`` maps."""
    if not isinstance(node, ast.Dict):
        return False
    return any(isinstance(key, ast.Constant) and key.value == "error" for key in node.keys)


def is_broad(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler):
        return False
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in BROAD) for kind in caught)


def test_only_settings_reads_the_environment() -> None:
    found = {name for name in where(reads_environment) if not name.startswith(OWN_ENVIRONMENT)}
    assert found == {"settings.py"}


def test_only_metrics_names_a_metric() -> None:
    assert where(names_metric) == {"metrics.py"}


def test_only_errors_writes_an_error_body() -> None:
    assert where(maps_errors) == {"errors.py"}


def test_nothing_is_caught_broadly() -> None:
    assert where(is_broad) == set()


def test_nothing_is_global_or_asserted() -> None:
    assert where(lambda node: isinstance(node, ast.Global | ast.Assert)) == set()


def test_each_collector_is_registered_in_a_registry_of_its_own() -> None:
    """The default registry is one per process: two gateways in it would collide."""
    tree = ast.parse((SOURCE / "metrics.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Counter", "Gauge"):
            assert "registry" in {keyword.arg for keyword in node.keywords}


@pytest.mark.parametrize(
    ("search", "source"),
    [
        (reads_environment, "import os\nos.environ['A']"),
        (reads_environment, "from os import getenv"),
        (names_metric, "from prometheus_client import Gauge"),
        (names_metric, "import prometheus_client"),
        (maps_errors, "{'error': {'message': 'no'}}"),
        (is_broad, "try: ...\nexcept (ValueError, Exception): ..."),
        (is_broad, "try: ...\nexcept: ..."),
    ],
)
def test_the_searches_find_what_they_look_for(search: Callable[[ast.AST], bool], source: str) -> None:
    assert any(search(node) for node in ast.walk(ast.parse(source)))
