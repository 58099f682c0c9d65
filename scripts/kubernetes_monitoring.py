"""Alerts and dashboards as Kubernetes wants them: manifests of ``deploy/kubernetes/components/monitoring``.

``scripts/grafana_dashboards.py`` writes them; a test holds them equal to what they are made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import indent

DEPLOY = Path(__file__).parents[1] / "deploy"
FOLDER = DEPLOY / "kubernetes" / "components" / "monitoring"
RULES = DEPLOY / "prometheus" / "rules"
_RULE = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: semtoken-{name}
  labels:
    app.kubernetes.io/name: semtoken
spec:
{text}"""
# Grafana's sidecar puts the files of all config maps into one folder.
_DASHBOARD = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: semtoken-dashboard-{name}
  labels:
    app.kubernetes.io/name: semtoken
    grafana_dashboard: "1"
data:
  semtoken-{name}.json: |
{text}"""


def manifests(dashboards: Mapping[Path, str]) -> dict[Path, str]:
    """Every file, and what belongs into it; ``dashboards`` are the files of Grafana."""
    rules = {path: path.read_text() for path in sorted(RULES.glob("*.yml"))}
    return {
        FOLDER / "alerts.yaml": _file("deploy/prometheus/rules", _RULE, rules, "  "),
        FOLDER / "dashboards.yaml": _file("deploy/grafana/dashboards", _DASHBOARD, dashboards, "    "),
    }


def _file(source: str, manifest: str, parts: Mapping[Path, str], margin: str) -> str:
    made = [manifest.format(name=path.stem, text=indent(text, margin)) for path, text in parts.items()]
    return f"# Made by `make dashboards` from {source}; change those.\n" + "---\n".join(made)
