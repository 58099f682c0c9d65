"""Measurements of a running gateway, from outside and by HTTP alone."""
