"""Units that say again, word for word, what an earlier unit said."""

from __future__ import annotations

import re
from collections.abc import Set
from hashlib import blake2b

import numpy as np

from semtoken.datamodels import EARLIER_MESSAGE, IntArray, Segmentation, UnitKind

MIN_CHARS = 24
"""Shorter units ("Yes.", "---") repeat by nature and cost nothing."""

_SPACE = re.compile(r"\s+")


def text_keys(segmentation: Segmentation) -> list[bytes | None]:
    """A digest of each unit's text with white space folded; None where it is too short to count."""
    keys: list[bytes | None] = []
    content = segmentation.content
    for index, (start, end) in enumerate(zip(segmentation.starts.tolist(), segmentation.ends.tolist(), strict=True)):
        folded = _SPACE.sub(" ", segmentation.text[start:end].strip(" \t\r\n>"))
        long_enough = bool(content[index]) and len(folded) >= MIN_CHARS
        keys.append(blake2b(folded.encode(), digest_size=16).digest() if long_enough else None)
    return keys


def find_twins(segmentation: Segmentation, seen: Set[bytes]) -> IntArray:
    """Index of the earliest unit that says the same, ``EARLIER_MESSAGE`` or -1, (n,).

    Twins are equal but for white space and the marks of quoted lines. A JSON value is never a twin: two equal
    elements of a list are two elements.
    """
    # Equal words alone: whatever the cosine, one more word ("nicht", "没") turns a sentence round.
    twins = np.full(len(segmentation), -1, dtype=np.int64)
    first: dict[bytes, int] = {}
    for index, key in enumerate(text_keys(segmentation)):
        if key is None or segmentation.kinds[index] == UnitKind.JSON_ITEM:
            continue
        if key in seen:
            twins[index] = EARLIER_MESSAGE
        else:
            earliest = first.setdefault(key, index)
            twins[index] = earliest if earliest != index else -1
    return twins
