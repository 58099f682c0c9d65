"""An agent's turns with the outputs of its tools.

locust -f loadtest/scenarios/agent.py --host http://127.0.0.1:8080 [--arrival-rate 0.5] [--mode off]
"""

from __future__ import annotations

from loadtest.scenarios.user import ScenarioUser


class Agent(ScenarioUser):
    """Asks for one scenario's prompts."""

    scenarios = ("agent",)
