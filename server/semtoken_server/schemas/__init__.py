"""The shapes of requests: what the gateway needs to be right; the rest is for the engine to judge."""
