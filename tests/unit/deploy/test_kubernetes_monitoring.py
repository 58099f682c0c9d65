"""Alerts and dashboards in a cluster are the ones of everywhere else, and where the operator and the sidecar look."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import yaml
from grafana_dashboards import contents
from kubernetes_monitoring import RULES, manifests
from unit.deploy.files import DEPLOY, documents, tool
from unit.deploy.kustomize import Manifest, build

COMPONENT = DEPLOY / "kubernetes" / "components" / "monitoring"
# `kubectl apply` keeps the object in an annotation, and annotations have room for that.
LARGEST = 262_144


def built(kind: str) -> list[Manifest]:
    return [each for each in build(COMPONENT) if each["kind"] == kind]


def test_the_committed_files_are_what_the_script_makes() -> None:
    made = manifests(contents())
    assert {path.name for path in made} == {"alerts.yaml", "dashboards.yaml"}
    for path, text in made.items():
        assert path.read_text() == text, f"{path.name} is old: run `make dashboards`"


def test_every_rule_is_there_as_it_is() -> None:
    groups = [group for file in sorted(RULES.glob("*.yml")) for group in documents(file)[0]["groups"]]
    assert len(groups) > 3
    assert [group for rule in built("PrometheusRule") for group in rule["spec"]["groups"]] == groups


def test_prometheus_reads_them(tmp_path: Path) -> None:
    """What the operator makes of one is a file of rules with its `spec`."""
    for rule in built("PrometheusRule"):
        file = tmp_path / f"{rule['metadata']['name']}.yml"
        file.write_text(yaml.safe_dump(rule["spec"]))
        argv = [tool("promtool", "Debian: prometheus"), "check", "rules", str(file)]
        ran = subprocess.run(argv, check=False, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_dashboard_is_where_the_sidecar_looks() -> None:
    shown = {}
    for each in built("ConfigMap"):
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert len(json.dumps(each)) < LARGEST
        for name, text in each["data"].items():
            assert name not in shown
            shown[name] = json.loads(text)
    wanted = {
        f"semtoken-{path.name}": json.loads(path.read_text()) for path in DEPLOY.glob("grafana/dashboards/*.json")
    }
    assert shown == wanted


def test_the_operator_selects_all_of_them() -> None:
    for kind in ("ServiceMonitor", "PrometheusRule"):
        assert {each["metadata"]["labels"]["release"] for each in built(kind)} == {"kube-prometheus-stack"}
