"""Summaries of long reports.

locust -f loadtest/scenarios/summarise.py --host http://127.0.0.1:8080 [--arrival-rate 0.5] [--mode off]
"""

from __future__ import annotations

from loadtest.scenarios.user import ScenarioUser


class Summarise(ScenarioUser):
    """Asks for one scenario's prompts."""

    scenarios = ("summarise",)
