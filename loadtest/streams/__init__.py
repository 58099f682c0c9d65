"""Many streams at once through the gateway, before an engine that does nothing."""
