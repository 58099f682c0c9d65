"""Every code block of README.md and docs/ is run, or this says in the open what is checked in its place.

A block of a kind that is not known here fails. What talks to a running gateway is run elsewhere: the blocks of
docs/integrations by tests/integration/gateway/test_integration_pages.py, what `semtoken serve` prints by
tests/e2e/test_printed_examples.py.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest
from semtoken import Status
from semtoken.evaluation.methods import DEFAULT_METHODS, METHODS
from semtoken_server.cli.main import run
from semtoken_server.options import parse_options
from semtoken_server.settings import CompressionDefaults, Settings
from starlette.datastructures import Headers
from unit.docs.documents import DOCS, PAGES, README, ROOT, Block, blocks, code_spans

# Shown, not run.
DIAGRAMS = ("client  ", "log p(token | compressed prompt)")
# Held to the settings and the metrics, and loaded or looked up, by the tests of their pages; the queries for
# operators by tests/unit/monitoring, commands of deployments by tests/unit/deploy.
TESTED_WITH_THEIR_PAGE = {
    ("settings.md", "yaml"),
    ("metrics.md", "promql"),
    ("monitoring.md", "promql"),
    ("runbook.md", "promql"),
    ("quality.md", "promql"),
    ("security.md", "yaml"),
    ("tracing.md", "yaml"),
    ("CONTRIBUTING.md", "sh"),
    ("deploy.md", "sh"),
    ("scaling.md", "sh"),
    ("loadtest.md", "sh"),
}
# What tests/integration/gateway/test_integration_pages.py takes from a page.
RUN_THERE = ("python", "yaml", "sh")
# As they stand, or with what keeps a command from working for minutes or for good. `make -n` fails
# for a target that there is none of; --print-config still reads every flag and setting.
RUN_AS = {
    "make ": "make -n ",
    "semtoken serve": "semtoken serve --print-config",
    "semtoken compress": "semtoken compress",
    "semtoken keys": "semtoken keys",
    "export ": "export ",
}

EVERY = [block for page in PAGES for block in blocks(page)]
INTEGRATIONS = [block for block in EVERY if block.page.parent == DOCS / "integrations"]
SHELL = [block for block in EVERY if block.language == "bash"]
PYTHON = [block for block in EVERY if block.language == "python" and block not in INTEGRATIONS]
COMMANDS = sorted({code for page in PAGES for code in code_spans(page) if re.match("(make|semtoken) ", code)})


@pytest.mark.parametrize("block", EVERY, ids=lambda block: block.name)
def test_it_is_known_how_every_block_is_tested(block: Block) -> None:
    known = (
        block in SHELL
        or block in PYTHON
        or (block in INTEGRATIONS and block.language in RUN_THERE)
        or (block.page.name, block.language) in TESTED_WITH_THEIR_PAGE
        or (block.language == "" and block.text.startswith(DIAGRAMS))
    )
    assert known, f"{block.name}: no test for a block of kind {block.language!r}; add one here"


@pytest.mark.model
@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.name)
def test_a_shell_block_runs(block: Block) -> None:
    script = "\n".join(runnable(line) for line in block.text.splitlines())
    here = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
    if "make " in script and shutil.which("make") is None:
        pytest.skip("make is not installed")
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        check=False,
        cwd=ROOT,
        env={**os.environ, "PATH": here},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout
    for url in re.findall(r"http://[\w.:]+", script):
        assert url in ran.stdout
    if "semtoken compress" in script:
        assert "compressed (ok)" in ran.stderr


def runnable(line: str) -> str:
    """A line of a shell block as it is run here."""
    for shown, safe in RUN_AS.items():
        if line.startswith(shown):
            return safe + line.removeprefix(shown)
    raise AssertionError(f"no test for the command {line!r}; add one to RUN_AS")


@pytest.mark.model
@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.name)
def test_a_library_block_runs_and_keeps_the_answer(block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(block.text, block.name, "exec"), names)
    result = names["result"]
    assert result.status is Status.COMPRESSED
    assert 3.5 < result.ratio < 4.5
    assert "Anna Weber" in result.text
    assert capsys.readouterr().out == f"{result.compressed_tokens} of {result.original_tokens} tokens\n"


@pytest.mark.parametrize("code", COMMANDS)
def test_a_command_in_the_text_is_a_command(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = code.split()
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text()
        assert re.search(rf"^{re.escape(words[1])}:", makefile, re.MULTILINE)
    else:
        subcommands = [word for word in words[1:3] if re.fullmatch("[a-z]+", word)]
        assert run([*subcommands, "--help"]) == 0
        told = capsys.readouterr().out
        assert [word for word in words if word.startswith("--") and word not in told] == []


def test_the_options_of_a_request_are_options() -> None:
    codes = code_spans(README)
    (body,) = [code for code in codes if code.startswith('"semtoken":')]
    (header,) = [code for code in codes if re.match("x-semtoken-[a-z-]+: ", code)]
    defaults = CompressionDefaults().model_dump()
    name, value = header.split(": ")
    in_body = parse_options(json.loads(f"{{{body}}}")["semtoken"], Headers(), defaults)
    in_header = parse_options(None, Headers({name: value}), defaults)
    assert in_body == in_header != parse_options(None, Headers(), defaults)


def test_what_the_readme_says_of_settings_and_methods() -> None:
    text = " ".join(README.read_text().split())
    settings = re.findall(r"`([a-z_]+_s)` \((\d+) s\)", text)
    assert settings
    for name, seconds in settings:
        assert Settings.model_fields[name].default == float(seconds)
    compared = re.search(r"`make eval` compares ([a-z0-9, -]+) and ([a-z-]+) on", text)
    assert compared
    assert {*compared[1].split(", "), compared[2]} == set(DEFAULT_METHODS)
    named = re.search(r"Peers that are slow [^:]+: ([^.]+)\.", text)
    assert named
    assert {*re.findall(r"`([a-z-]+)`", named[1])} == set(METHODS) - set(DEFAULT_METHODS)
