"""Prometheus takes the rules, every alert is tried both ways, and the runbook has a section for each."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from unit.docs.documents import DOCS, ROOT, headings
from unit.docs.test_doc_links import anchor
from unit.monitoring.expressions import PROMETHEUS, all_rules

TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
CONFIGURATIONS = sorted((ROOT / "deploy").glob("*/prometheus.yml"))
RUNBOOK = DOCS / "runbook.md"
ALERTS = all_rules("alert")


def promtool(*arguments: str | Path) -> None:
    """Run Prometheus' own checker; skips aloud where it is not installed."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    ran = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_prometheus_takes_its_configuration_and_rules() -> None:
    promtool("check", "config", PROMETHEUS / "prometheus.yml")


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.parent.name)
def test_every_configuration_has_the_jobs_that_rules_and_dashboards_go_by(path: Path) -> None:
    jobs = {job["job_name"]: job for job in yaml.safe_load(path.read_text())["scrape_configs"]}
    assert set(jobs) == {"semtoken", "vllm"}
    for job in jobs.values():
        for file in (file for found in job["file_sd_configs"] for file in found["files"]):
            # Ray writes that one.
            assert file.startswith("/tmp/ray/") or (path.parent / file).is_file()


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_rules_do_what_they_are_meant_to(path: Path) -> None:
    promtool("test", "rules", path)


def test_every_alert_is_tried_where_it_fires_and_where_it_does_not() -> None:
    tried = [case for path in TESTS for group in groups(path) for case in group.get("alert_rule_test", ())]
    assert {case["alertname"] for case in tried if case.get("exp_alerts")} == set(ALERTS)
    assert {case["alertname"] for case in tried if not case.get("exp_alerts")} == set(ALERTS)


def groups(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load(path.read_text())["tests"])


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_it_is_and_where_to_read_on(name: str) -> None:
    rule = ALERTS[name]
    told = rule["annotations"]
    assert set(told) == {"summary", "description", "runbook_url"}
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert told["description"].endswith(".")
    assert not told["summary"].endswith(".")
    link = urlsplit(told["runbook_url"])
    assert link.path.endswith("docs/runbook.md")
    assert link.fragment == name.lower()


def test_the_runbook_has_a_section_for_every_alert_and_no_other() -> None:
    sections = [heading for heading in headings(RUNBOOK) if re.fullmatch(r"Semtoken\w+", heading)]
    assert sorted(sections) == sorted(ALERTS)
    assert {anchor(heading) for heading in sections} == {name.lower() for name in ALERTS}


@pytest.mark.parametrize("name", ALERTS)
def test_a_section_of_the_runbook_has_all_its_parts(name: str) -> None:
    _, found, rest = RUNBOOK.read_text().partition(f"\n### {name}\n")
    assert found, f"no section ### {name}"
    section = rest.partition("\n### ")[0].partition("\n## ")[0]
    for part in ("**Means:**", "**Likely causes:**", "**Look at:**", "**Do:**"):
        assert part in section, f"{name} has no {part}"
    assert ALERTS[name]["labels"]["severity"].capitalize() in section
