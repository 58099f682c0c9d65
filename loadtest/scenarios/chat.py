"""Short chats of a few turns.

locust -f loadtest/scenarios/chat.py --host http://127.0.0.1:8080 [--arrival-rate 0.5] [--mode off]
"""

from __future__ import annotations

from loadtest.scenarios.user import ScenarioUser


class Chat(ScenarioUser):
    """Asks for one scenario's prompts."""

    scenarios = ("chat",)
