"""Spans of requests, for a collector that speaks OpenTelemetry's protocol."""
