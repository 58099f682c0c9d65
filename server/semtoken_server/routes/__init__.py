"""The allow-list of routes; anything else is 404."""
