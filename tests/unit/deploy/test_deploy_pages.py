"""The commands of docs/deploy.md and docs/scaling.md, which need what is not here: their files and flags exist."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
from unit.deploy.files import DEPLOY, ROOT
from unit.docs.documents import DOCS, blocks

COMMANDS = [
    line
    for page in ("deploy.md", "scaling.md")
    for block in blocks(DOCS / page)
    if block.language == "sh"
    for line in block.text.splitlines()
]
KNOWN = ("docker ", "kubectl ", "serve deploy ", "vllm serve ", "python -m loadtest.capacity ")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_of_a_kind_that_is_tested_and_its_files_exist(command: str) -> None:
    assert command.startswith(KNOWN)
    for word in shlex.split(command):
        if word.startswith("deploy/"):
            assert (ROOT / word).exists()


def test_every_way_to_deploy_has_its_command() -> None:
    named = {word for command in COMMANDS for word in shlex.split(command) if word.startswith("deploy/")}
    assert named == {
        "deploy/compose.yaml",
        "deploy/compose.cpu.yaml",
        "deploy/kubernetes/base",
        "deploy/kubernetes/overlays/with-engine",
        "deploy/kubernetes/overlays/monitored",
        "deploy/kubernetes/overlays/with-engine-monitored",
        "deploy/ray/serve.yaml",
    }


def test_the_secret_that_is_made_is_the_one_that_is_read() -> None:
    (made,) = [shlex.split(command) for command in COMMANDS if " create secret " in command]
    assert (
        f"secretName: {made[made.index('generic') + 1]}\n" in (DEPLOY / "kubernetes/base/deployment.yaml").read_text()
    )


def test_flags_of_the_engine_are_flags() -> None:
    found = find_spec("vllm")
    if found is None or found.origin is None:
        pytest.skip("vLLM is not installed (extra `cpu`)")
    package = Path(found.origin).parent
    source = (package / "engine/arg_utils.py").read_text() + (package / "entrypoints/launchers/cli_args.py").read_text()
    flags = set(re.findall(r"--[a-z][a-z0-9-]+", "\n".join(c for c in COMMANDS if c.startswith("vllm "))))
    flags |= set(re.findall(r"`(--[a-z][a-z0-9-]+)", (DOCS / "scaling.md").read_text())) - {"--encoder-tokens-per-s"}
    flags -= {"--check"}
    assert len(flags) > 10
    assert {flag for flag in flags if f'"{flag}"' not in source} == set()
