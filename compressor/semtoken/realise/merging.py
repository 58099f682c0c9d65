"""Merges: what one vector stands for several tokens. A new one is a class and a line in ``MERGES``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

import numpy as np

from semtoken.datamodels import FloatArray
from semtoken.scaling import DIGITS

MergeName = Literal["mean", "norm-preserving", "representative", "rarest"]


def rarest(rarity: FloatArray) -> int:
    """Index of the rarest token, ``rarity`` (k,); the first of equals."""
    return int(np.argmax(np.round(rarity, DIGITS)))


class Merge(Protocol):
    """Makes one vector of the tokens of a stretch."""

    def merge(self, vectors: FloatArray, rarity: FloatArray) -> FloatArray:
        """One vector (d,) for ``vectors`` (k, d), k >= 1.

        ``rarity`` (k,) is each token's -log share in its text.
        """
        ...


class Mean:
    """The mean, which is what SemToken (arXiv 2508.15190) takes; shorter than any token's own vector."""

    def merge(self, vectors: FloatArray, rarity: FloatArray) -> FloatArray:
        """See :class:`Merge`."""
        del rarity
        mean: FloatArray = vectors.mean(axis=0, dtype=np.float32)
        return mean


class NormPreserving:
    """The mean, stretched to the tokens' mean norm, so that the first layer meets a vector of usual length."""

    def merge(self, vectors: FloatArray, rarity: FloatArray) -> FloatArray:
        """See :class:`Merge`."""
        del rarity
        mean: FloatArray = vectors.mean(axis=0, dtype=np.float32)
        usual = float(np.linalg.norm(vectors, axis=1).mean())
        return mean * np.float32(usual / max(float(np.linalg.norm(mean)), 1e-12))


class Representative:
    """The token's own vector that is closest to the mean."""

    def merge(self, vectors: FloatArray, rarity: FloatArray) -> FloatArray:
        """See :class:`Merge`; the first of equals."""
        del rarity
        distances = ((vectors - vectors.mean(axis=0, dtype=np.float32)) ** 2).sum(axis=1)
        chosen: FloatArray = vectors[int(np.argmin(np.round(distances, 6)))]
        return chosen


class Rarest:
    """The vector of the token that is rarest in its text: a name says more than the average of a sentence."""

    def merge(self, vectors: FloatArray, rarity: FloatArray) -> FloatArray:
        """See :class:`Merge`; the first of equals."""
        chosen: FloatArray = vectors[rarest(rarity)]
        return chosen


MERGES: Mapping[MergeName, Merge] = {
    "mean": Mean(),
    "norm-preserving": NormPreserving(),
    "representative": Representative(),
    "rarest": Rarest(),
}
