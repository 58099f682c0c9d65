"""A real Prometheus with the project's own configuration, reading every second."""

from __future__ import annotations

import math
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import yaml
from e2e.real_gateway import RealGateway, free_ports
from unit.monitoring.expressions import PROMETHEUS


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus that is ready."""

    url: str

    def values(self, expression: str) -> list[float]:
        """The finite values that an expression has now, of all its series; raises with what Prometheus says of it."""
        asked = {"query": expression}
        answer = httpx.post(f"{self.url}/api/v1/query", data=asked, trust_env=False, timeout=30.0).json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        result = answer["data"]["result"]
        samples = [result] if answer["data"]["resultType"] == "scalar" else [series["value"] for series in result]
        return [value for _, text in samples if math.isfinite(value := float(text))]

    def failing_rules(self) -> dict[str, str]:
        """Rules that could not be evaluated, and why."""
        answer = httpx.get(f"{self.url}/api/v1/rules", trust_env=False, timeout=30.0).json()
        rules = [rule for group in answer["data"]["groups"] for rule in group["rules"]]
        return {rule["name"]: rule.get("lastError", "") for rule in rules if rule["health"] == "err"}


@contextmanager
def watching(gateway: RealGateway, folder: Path) -> Iterator[Prometheus]:
    """Start one that reads the gateway and its engine."""
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    config["global"].update(scrape_interval="1s", evaluation_interval="1s")
    config["rule_files"] = [str(PROMETHEUS / "rules" / "*.yml")]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    (folder / "targets").mkdir()
    for name, url in (("gateways", gateway.url), ("engines", gateway.engine_url)):
        targets = [{"targets": [urlsplit(url).netloc]}]
        (folder / "targets" / f"{name}.yml").write_text(yaml.safe_dump(targets))
    (port,) = free_ports(1)
    argv = ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*argv, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        prometheus = Prometheus(f"http://127.0.0.1:{port}")
        _wait_until_both_are_read(prometheus, process, folder / "log")
        yield prometheus
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait_until_both_are_read(prometheus: Prometheus, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, f"Prometheus ended: {log.read_text()}"
        try:
            if prometheus.values("sum(up)") == [2.0]:
                return
        except (httpx.HTTPError, AssertionError, ValueError):
            pass
        time.sleep(0.5)
    raise AssertionError(f"Prometheus does not read both after 120 s: {log.read_text()}")
