"""Stand-ins for what the tests do without: models, engines, and things that fail on demand."""
