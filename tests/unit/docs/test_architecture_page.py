"""docs/architecture.md and CONTRIBUTING.md name modules, registries, folders and markers that there are."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.docs.documents import CONTRIBUTING, DOCS, ROOT, blocks, code_spans, codes, table_rows

PAGE = DOCS / "architecture.md"
PACKAGES = (ROOT / "compressor" / "semtoken", ROOT / "server" / "semtoken_server")
ADDED = table_rows(PAGE, "what", "file", "registry", "tests")
PATHS = sorted(
    {
        code
        for page in (PAGE, CONTRIBUTING)
        for code in code_spans(page)
        if re.fullmatch(r"[\w.]+/[\w./-]*|\w+\.py", code)
    }
)


def found(path: str) -> list[Path]:
    """Where a path of the page is, in the repository or in a package."""
    return [place / path for place in (ROOT, *PACKAGES) if (place / path).exists()]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_on_the_pages_is_there(path: str) -> None:
    assert found(path)


def test_every_folder_of_the_packages_is_on_the_page() -> None:
    named = {code.split("/")[0] for code in code_spans(PAGE) if "/" in code}
    folders = {path.parent.name for package in PACKAGES for path in package.glob("*/__init__.py")}
    assert folders - named == set()


@pytest.mark.parametrize("row", ADDED, ids=lambda row: row["what"])
def test_the_registry_is_where_the_page_says(row: dict[str, str]) -> None:
    named = codes(row["registry"])
    modules = [path for code in named if code.endswith(".py") for path in found(code)]
    if "there" in row["registry"].split():
        modules += [path for code in codes(row["file"]) if code.endswith(".py") for path in found(code)]
    defined = {name for module in modules for name in top_level(module)}
    names = {code for code in named if code.isidentifier()}
    assert names <= defined
    assert all(found(code) for code in codes(row["tests"]))


def top_level(module: Path) -> Iterator[str]:
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def test_the_protocols_and_bases_are_where_the_page_says() -> None:
    pairs = [re.findall(r"(?:protocol|base) `(\w+)` of `([\w/.]+)`", row["file"]) for row in ADDED]
    flat = [pair for row in pairs for pair in row]
    assert len(flat) >= 4
    for name, path in flat:
        assert any(name in top_level(module) for module in found(path))


def test_the_folders_of_tests() -> None:
    told = {codes(row["folder of tests"])[0] for row in table_rows(CONTRIBUTING, "folder of tests", "what runs there")}
    there = {str(path.relative_to(ROOT)) for path in (ROOT / "tests").iterdir() if path.is_dir()}
    assert told == {path for path in there if "__" not in path}


def test_the_markers() -> None:
    told = {codes(row["marker"])[0] for row in table_rows(CONTRIBUTING, "marker", "needs")}
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert told == {marker.partition(":")[0] for marker in options["markers"]}


def test_the_shown_test_run_finds_tests() -> None:
    (block,) = [block for block in blocks(CONTRIBUTING) if block.language == "sh"]
    python, *words = shlex.split(block.text)
    assert python == ".venv/bin/python"
    command = [sys.executable, *words, "--collect-only"]
    ran = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout
