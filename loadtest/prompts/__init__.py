"""The requests of each scenario, from real texts. Nothing here imports Locust."""
