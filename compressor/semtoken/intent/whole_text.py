"""A classifier of requests that need every word of the text: translating, proofreading, counting, editing code.

Trained by ``scripts/train_whole_text.py``; why a classifier, and how good it is, is in
``docs/adr/0008-whole-text-requests.md``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semtoken.intent.ngrams import ngrams

WEIGHTS = "whole_text.npz"
_LEVELS = 127


@dataclass(frozen=True, slots=True)
class _Model:
    """A linear classifier over hashed n-grams."""

    weights: NDArray[np.float32] = field(repr=False)
    bias: float
    threshold: float

    def score(self, text: str) -> float:
        """How far the text is on the side of the whole; 0 and more says that it needs it."""
        found = ngrams(text)
        return float(self.weights[found].sum() / np.sqrt(len(found))) + self.bias - self.threshold


def score(request: str) -> float:
    """How much a request looks like one that needs the whole text; 0 and more is taken for one."""
    return _model().score(request)


def save(path: Path, weights: NDArray[np.float64], bias: float, threshold: float) -> None:
    """Write trained weights (d,) in 8 bits each."""
    scale = float(np.abs(weights).max()) / _LEVELS
    rounded = np.round(weights / scale).astype(np.int8)
    np.savez_compressed(path, weights=rounded, scale=scale, bias=bias, threshold=threshold)


@cache
def _model() -> _Model:
    with resources.as_file(resources.files(__package__).joinpath(WEIGHTS)) as path, np.load(path) as saved:
        weights = saved["weights"].astype(np.float32) * np.float32(saved["scale"])
        return _Model(weights, float(saved["bias"]), float(saved["threshold"]))
