"""No compression: what every other method is compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from semtoken.evaluation.methods.base import Compressed, Method


class NoCompression(Method):
    """Gives the text as it is, whatever the budget."""

    name = "none"

    def compress(
        self, text: str, question: str | None, budgets: Sequence[int], rng: np.random.Generator
    ) -> list[Compressed]:
        """The text itself for every budget."""
        tokens = self._served.count(text)
        return [Compressed(text, tokens, 0.0) for _ in budgets]
