"""Units that say again, word for word or nearly so, what an earlier unit said."""

from __future__ import annotations

import re
from collections.abc import Set
from hashlib import blake2b

import numpy as np

from semtoken.datamodels import EARLIER_MESSAGE, FloatArray, IntArray, Segmentation, UnitKind

NEAR = 0.97
"""Cosine similarity from which two units may be near-duplicates."""
MIN_CHARS = 24
"""Shorter units ("Yes.", "---") repeat by nature and cost nothing."""

_SPACE = re.compile(r"\s+")
_FACTS = re.compile(r"\d+|\b(?:no|not|never|none|without|[A-Z]\w*)\b|n't")


def text_keys(segmentation: Segmentation) -> list[bytes | None]:
    """A digest of each unit's text with white space folded; None where it is too short to count."""
    keys: list[bytes | None] = []
    content = segmentation.content
    for index, (start, end) in enumerate(zip(segmentation.starts.tolist(), segmentation.ends.tolist(), strict=True)):
        folded = _SPACE.sub(" ", segmentation.text[start:end].strip(" \t\r\n>"))
        long_enough = bool(content[index]) and len(folded) >= MIN_CHARS
        keys.append(blake2b(folded.encode(), digest_size=16).digest() if long_enough else None)
    return keys


def find_twins(segmentation: Segmentation, nearest: IntArray, similarity: FloatArray, seen: Set[bytes]) -> IntArray:
    """Index of the earliest unit that says the same, ``EARLIER_MESSAGE`` or -1, (n,).

    Exact twins are equal but for white space. Near twins must also agree in every number, name and
    negation: rows that differ in one figure are no duplicates. A JSON value is never a twin: two
    equal elements of a list are two elements.
    """
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
    for index in np.flatnonzero((similarity >= NEAR) & (twins == -1)).tolist():
        other = int(nearest[index])
        if segmentation.kinds[index] == UnitKind.SENTENCE and _same_facts(segmentation, index, other):
            twins[index] = twins[other] if twins[other] >= 0 else other
    return twins


def _same_facts(segmentation: Segmentation, a: int, b: int) -> bool:
    one, two = (segmentation.text[segmentation.starts[i] : segmentation.ends[i]] for i in (a, b))
    shorter, longer = sorted((len(one), len(two)))
    # Texts of very different lengths are no duplicates, and the longer may be a whole document in a fence.
    if shorter < MIN_CHARS or longer > 2 * shorter:
        return False
    return sorted(_FACTS.findall(one)) == sorted(_FACTS.findall(two))
