"""Load tests: scenarios for Locust, one command that compares compression on with off, and what the gateway costs."""
