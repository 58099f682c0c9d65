"""Grafana dashboards as code; ``scripts/grafana_dashboards.py`` writes them to ``deploy/grafana/dashboards``."""
