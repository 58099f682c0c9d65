"""The list of commands, which stands apart from them, and what starting one brings along."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from semtoken_server.cli.commands import COMMANDS, loaded

SLOW = {"torch", "transformers", "scipy", "sklearn", "openvino", "vllm"}
"""Packages that take a second or more to import."""

NAMES = "import json, sys; import {}; print(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_says(name: str) -> None:
    assert loaded(name).help.partition("\n")[0] == COMMANDS[name].summary


@pytest.mark.parametrize(
    "module", ["semtoken", "semtoken_server.cli.main", "semtoken_server.cli.serve", "semtoken_server.asgi"]
)
def test_what_does_not_compress_imports_nothing_slow(module: str) -> None:
    ran = subprocess.run([sys.executable, "-c", NAMES.format(module)], check=True, capture_output=True, text=True)
    imported = set(json.loads(ran.stdout))
    assert "numpy" in imported
    assert imported & SLOW == set()


def test_the_compressor_is_there_when_it_is_asked_for() -> None:
    program = "import semtoken; print(semtoken.Compressor.__module__, hasattr(semtoken, 'Compresser'))"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert ran.stdout.split() == ["semtoken.compressor", "False"]
