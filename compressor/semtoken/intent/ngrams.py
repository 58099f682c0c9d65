"""Hashed character n-grams of a short text: what a linear classifier sees of it, in any script."""

from __future__ import annotations

import re
import unicodedata

import numpy as np

from semtoken.datamodels import IntArray

DIMENSIONS = 1 << 18
ORDERS = (1, 2, 3, 4, 5, 6)
"""Lengths of the n-grams, in characters."""
OPENING = 40
"""The first characters count once more, apart: a request says early what it wants."""

_PIECE = re.compile(r"\w+|[^\w\s]")
_STEP = np.uint64(0x100000001B3)
_KEPT_BITS = np.uint64(0xFFFFFFFFFFFF)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_TOP = np.uint64(40)


def ngrams(text: str) -> IntArray:
    """The buckets that the text's n-grams fall into, (n,), rising, each once; below ``DIMENSIONS``.

    Words and marks are read folded to lower case and parted by single blanks, so n-grams reach over the
    ends of words. The hash is a polynomial over code points, the same on every machine.
    """
    pieces = _PIECE.findall(unicodedata.normalize("NFKC", text).casefold())
    spaced = f" {' '.join(pieces)} "
    points = np.frombuffer(spaced.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    buckets = [
        bucket for salt, part in enumerate((points, points[:OPENING]), start=1) for bucket in _buckets(part, salt)
    ]
    return np.unique(np.concatenate(buckets))


def _buckets(points: np.ndarray[tuple[int], np.dtype[np.uint64]], salt: int) -> list[IntArray]:
    found: list[IntArray] = []
    hashes = np.zeros(len(points), dtype=np.uint64)
    for order in range(1, min(max(ORDERS), len(points)) + 1):
        hashes = (hashes[: len(points) - order + 1] * _STEP + points[order - 1 :]) & _KEPT_BITS
        if order in ORDERS:
            own = np.uint64((salt << 40) + order)
            found.append((((hashes ^ own) * _SPREAD) >> _TOP).astype(np.int64) % DIMENSIONS)
    return found
