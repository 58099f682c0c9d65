"""When requests are sent, and what came of each. Nothing here imports Locust."""
