"""Programs that use a client library of .venv-clients against a gateway; each prints what it got as JSON."""
