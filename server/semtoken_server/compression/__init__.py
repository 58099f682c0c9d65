"""Compression as the gateway uses it: off the event loop, within a deadline, failing open."""
