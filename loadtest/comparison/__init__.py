"""Compression on held against off under the same load, as JSON and as a page."""
