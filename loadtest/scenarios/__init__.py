"""Locust files: ``locust -f loadtest/scenarios/rag.py --host URL``."""
