"""The files for Ray Serve, and how the application is built; it is run by tests/integration/ray_serve."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from semtoken_server.settings import Settings
from unit.deploy.files import DEPLOY, tool

FILE = DEPLOY / "ray" / "serve.yaml"
ENGINE = {"engine_urls": ["http://127.0.0.1:8000"]}
MISTAKES: dict[str, dict[str, Any]] = {
    "engine_urls": {},
    "workers": {**ENGINE, "workers": 2},
    "ratoi": {**ENGINE, "ratoi": 3},
    "/nonexistent.yaml": {**ENGINE, "config": "/nonexistent.yaml"},
}
GIVEN = [{**ENGINE, "drain_s": 50}, *MISTAKES.values()]


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed (extra `ray`)")
    argv = [sys.executable, str(Path(__file__).with_name("ray_applications.py")), str(FILE)]
    ran = subprocess.run(argv, check=False, input=json.dumps(GIVEN), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def test_it_is_a_file_that_serve_deploy_takes(told: dict[str, Any]) -> None:
    assert told["file"]["import_path"] == told["build"]
    assert told["file"]["name"] == told["file"]["built"]["name"]


def test_the_file_s_options_fit_the_settings() -> None:
    (application,) = yaml.safe_load(FILE.read_text())["applications"]
    settings = Settings.load(**application["args"])
    (deployment,) = application["deployments"]
    assert deployment["graceful_shutdown_timeout_s"] > settings.drain_s + 15
    scaling = deployment["autoscaling_config"]
    assert 0 < scaling["min_replicas"] < scaling["max_replicas"]
    assert scaling["target_ongoing_requests"] < settings.max_concurrent


def test_without_a_file_it_scales_too(told: dict[str, Any]) -> None:
    built = told["built"][0]
    assert built["scales"]
    assert built["graceful_shutdown_timeout_s"] == 65
    assert built["max_ongoing_requests"] > 1024


def test_a_mistake_is_named_before_anything_runs(told: dict[str, Any]) -> None:
    for named, built in zip(MISTAKES, told["built"][1:], strict=True):
        assert named in built["error"]


def test_prometheus_reads_its_file() -> None:
    argv = [tool("promtool", "Debian: prometheus"), "check", "config", str(DEPLOY / "ray" / "prometheus.yml")]
    ran = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_prometheus_reads_the_engines_that_the_gateways_ask() -> None:
    (application,) = yaml.safe_load(FILE.read_text())["applications"]
    (group,) = yaml.safe_load((FILE.parent / "targets" / "engines.yml").read_text())
    assert group["targets"] == [urlsplit(url).netloc for url in application["args"]["engine_urls"]]
