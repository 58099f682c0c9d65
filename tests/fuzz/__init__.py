"""Fuzz targets with what must hold of them; ``make fuzz`` runs one, the replay test runs their corpora."""
