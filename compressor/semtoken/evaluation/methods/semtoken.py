"""The library under evaluation."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from semtoken.evaluation.methods.base import ENCODER, Compressed, Method, Resources
from semtoken.options import CompressionOptions


class SemToken(Method):
    """SemToken with its defaults, at the same budget as every other method."""

    name = "semtoken"
    needs_compressor = True

    def __init__(self, resources: Resources) -> None:
        """Raises ``InvalidOptionError`` without a compressor."""
        super().__init__(resources)
        self._compressor = self._required(resources.compressor, ENCODER)

    def compress(
        self, text: str, question: str | None, budgets: Sequence[int], rng: np.random.Generator
    ) -> list[Compressed]:
        """Compress once for each budget, as a user would."""
        results = []
        for budget in budgets:
            started = time.perf_counter()
            options = CompressionOptions(mode="force", target_tokens=budget)
            shorter = self._compressor.compress(text, question or "", options).text
            seconds = time.perf_counter() - started
            results.append(Compressed(shorter, self._served.count(shorter), seconds))
        return results
