"""What makes methods comparable: the same draws, the same budgets."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

Progress = Callable[[int, int, str], None]
"""Told the steps done, the steps in all, and what comes next."""

_Item = TypeVar("_Item")


def silent(done: int, total: int, following: str) -> None:
    """The progress nobody sees."""


def sample(items: Sequence[_Item], limit: int | None, seed: int) -> list[_Item]:
    """``limit`` items drawn by ``seed`` without replacement, in their order; all without a limit."""
    if limit is None or limit >= len(items):
        return list(items)
    # A reproducible draw, not a secret.
    return [items[i] for i in sorted(random.Random(seed).sample(range(len(items)), limit))]  # noqa: S311


def generator(seed: int, *parts: str) -> np.random.Generator:
    """A generator that depends on the seed and on what it is for, not on what ran before."""
    digest = hashlib.sha256("\0".join((str(seed), *parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def token_budget(tokens: int, ratio: float) -> int:
    """Tokens that ``tokens`` shrink to at ``ratio``; never none."""
    return max(1, round(tokens / ratio))
