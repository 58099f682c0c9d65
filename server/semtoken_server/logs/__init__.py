"""Log lines, as text or as JSON, of all processes of a gateway."""
