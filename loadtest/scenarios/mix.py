"""Several scenarios dealt in turn, as ``python -m loadtest`` runs them.

locust -f loadtest/scenarios/mix.py --host http://127.0.0.1:8080 --scenario rag,chat
"""

from __future__ import annotations

from loadtest.scenarios.user import ScenarioUser


class Mix(ScenarioUser):
    """Asks for the prompts of the scenarios that ``--scenario`` names."""
