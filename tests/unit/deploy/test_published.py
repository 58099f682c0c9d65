"""Nothing that we hand out opens the engines to others without keys."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from semtoken_server.settings import Settings
from unit.deploy.files import DEPLOY
from unit.docs.documents import PAGES, blocks

RUNS = [
    line
    for page in PAGES
    for block in blocks(page)
    for line in block.text.replace("\\\n", " ").splitlines()
    if line.lstrip().startswith("docker run ")
]
SERVE = DEPLOY / "ray" / "serve.yaml"


def test_there_are_both_ways_to_run_the_image() -> None:
    assert {"SEMTOKEN_KEYS_FILE" in run for run in RUNS} == {True, False}


@pytest.mark.parametrize("run", RUNS)
def test_the_image_is_published_beyond_this_machine_with_keys_only(run: str) -> None:
    words = shlex.split(run)
    published = [words[at + 1] for at, word in enumerate(words) if word in {"--publish", "-p"}]
    assert published
    if not all(each.startswith("127.0.0.1:") for each in published):
        (mounted,) = (words[at + 1].split(":") for at, word in enumerate(words) if word == "--volume")
        assert f"SEMTOKEN_KEYS_FILE={mounted[1]}" in words
        assert mounted[2] == "ro"


def test_ray_serves_its_own_machine_until_there_are_keys() -> None:
    text = SERVE.read_text()
    assert yaml.safe_load(text)["http_options"]["host"] == "127.0.0.1"
    # With the lines that are comments it is open, and asks for keys.
    opened = yaml.safe_load(
        re.sub(r"^( +)# (keys_file|host): ", r"\1\2: ", text.replace("  host: 127.0.0.1\n", ""), flags=re.M)
    )
    assert opened["http_options"]["host"] == "0.0.0.0"
    (application,) = opened["applications"]
    assert Settings.load(**application["args"]).keys_file is not None


def test_ray_bounds_the_encoder_by_num_cpus() -> None:
    """Ray's own doing, where nobody sets the variable: the page and the file say so."""
    found = find_spec("ray")
    if found is None or found.origin is None:
        pytest.skip("Ray is not installed (extra `ray`)")
    package = Path(found.origin).parent
    assert 'os.environ["OMP_NUM_THREADS"] = str(omp_num_threads)' in (package / "_private" / "utils.py").read_text()
    assert b"set_omp_num_threads_if_unset" in (package / "_raylet.so").read_bytes()
    (application,) = yaml.safe_load(SERVE.read_text())["applications"]
    assert "OMP_NUM_THREADS" not in application["runtime_env"]["env_vars"]
    assert application["deployments"][0]["ray_actor_options"]["num_cpus"] >= 1
