"""The SemToken gateway: an OpenAI-compatible HTTP server that compresses prompts before vLLM."""

from __future__ import annotations

from importlib.metadata import version

__version__ = version("semtoken")
