"""The dashboards are what the code makes, and what Grafana's own types can hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_dashboards import FOLDER, contents
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from unit.docs.documents import ROOT
from unit.monitoring.expressions import DASHBOARDS, panels

GRAFANA = ROOT / "deploy" / "grafana"

every_dashboard = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)


def test_the_committed_files_are_what_the_code_makes() -> None:
    made = contents()
    assert set(DASHBOARDS) == set(made)
    for path, text in made.items():
        assert path.read_text() == text, f"{path.name} is old: run `make dashboards`"


@every_dashboard
def test_grafana_s_types_hold_all_of_it(path: Path) -> None:
    read = json.loads(path.read_text())
    again = json.loads(json.dumps(Dashboard.from_json(read), cls=JSONEncoder))
    assert dict(leaves(again)) == dict(leaves(read))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no container, with the way to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{number}]")
    else:
        yield path, value


@every_dashboard
def test_every_panel_says_what_it_shows(path: Path) -> None:
    for panel in panels(path):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["targets"], panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        unit = panel["options"]["yAxis"] if panel["type"] == "heatmap" else panel["fieldConfig"]["defaults"]
        assert unit["unit"], panel["title"]


@every_dashboard
def test_panels_have_their_own_place_name_and_number(path: Path) -> None:
    taken: set[tuple[int, int]] = set()
    shown = json.loads(path.read_text())["panels"]
    for panel in shown:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in shown}) == len(shown)
    assert len({panel["title"] for panel in shown}) == len(shown)


def test_no_two_dashboards_have_one_address() -> None:
    assert len({json.loads(path.read_text())["uid"] for path in DASHBOARDS}) == len(DASHBOARDS)


def test_what_is_provisioned_is_there() -> None:
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/semtoken.yml").read_text())["providers"]
    scraping = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["global"]
    assert source["type"] == "prometheus"
    assert source["jsonData"]["timeInterval"] == scraping["scrape_interval"]
    assert provider["type"] == "file"
    assert Path(provider["options"]["path"]).name == FOLDER.name
