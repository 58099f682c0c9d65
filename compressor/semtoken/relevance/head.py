"""A small network that weighs the features of a unit; ``scripts/train_relevance.py`` trains it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np

from semtoken.datamodels import FloatArray

WEIGHTS = "head.npz"


@dataclass(frozen=True, slots=True)
class Head:
    """One hidden layer of hyperbolic tangents over k features."""

    hidden: FloatArray = field(repr=False)
    """(k, h)."""
    bias: FloatArray = field(repr=False)
    """(h,)."""
    output: FloatArray = field(repr=False)
    """(h,)."""

    def __call__(self, features: FloatArray) -> FloatArray:
        """How likely each unit is the one that answers, up to a constant: logits (n,) of ``features`` (n, k)."""
        return np.asarray(np.tanh(features @ self.hidden + self.bias) @ self.output, dtype=np.float32)

    def save(self, path: Path) -> None:
        """Write the weights to ``path``."""
        np.savez_compressed(path, hidden=self.hidden, bias=self.bias, output=self.output)


@cache
def trained() -> Head:
    """The head that ships."""
    with resources.as_file(resources.files(__package__).joinpath(WEIGHTS)) as path, np.load(path) as saved:
        return Head(saved["hidden"], saved["bias"], saved["output"])
