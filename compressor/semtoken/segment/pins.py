"""Pinned text: which units must stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from semtoken.datamodels import GLUE_KINDS, BoolArray, Segmentation, UnitKind


def protected_ranges(units: Segmentation, protect: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Ranges of occurrences of the strings: for each, enough of them to meet every unit that one touches."""
    text = units.text
    ends = units.ends
    for string in set(protect):
        position = text.find(string)
        while position >= 0:
            stop = position + len(string)
            yield position, stop
            # Occurrences inside the unit where this one ends touch nothing new: on to the first that leaves it.
            unit_end = int(ends[np.searchsorted(ends, stop, side="left")])
            position = text.find(string, max(position + 1, unit_end - len(string) + 1))


def pinned_units(units: Segmentation, ranges: Sequence[tuple[int, int]]) -> BoolArray:
    """(n,) units that a range overlaps.

    Inside JSON a comma or a bracket cannot stay by itself, so the leaf next to it is pinned instead:
    the first one inside for an opening, the one before it for all others; for a comma the one after
    it too, without which it would go.
    """
    spans = np.array([span for span in ranges if span[0] < span[1]], dtype=np.int64).reshape(-1, 2)
    first = np.searchsorted(units.ends, spans[:, 0], side="right")
    last = np.searchsorted(units.starts, spans[:, 1], side="left")
    steps = np.zeros(len(units) + 1, dtype=np.int64)
    np.add.at(steps, first, 1)
    np.add.at(steps, last, -1)
    pinned = np.cumsum(steps[:-1]) > 0
    glue = pinned & np.isin(units.kinds, GLUE_KINDS) & (units.containers >= 0)
    if not glue.any():
        return pinned
    index = np.arange(len(units))
    before = np.maximum.accumulate(np.where(units.content, index, -1))
    after = np.minimum.accumulate(np.where(units.content, index, len(units))[::-1])[::-1]
    target = np.where(_openings(units), after, before)[glue]
    followed = after[glue & (units.kinds == UnitKind.SEPARATOR)]
    pinned[glue] = False
    pinned[target] = True
    pinned[followed[followed < len(units)]] = True
    return pinned


def _openings(units: Segmentation) -> BoolArray:
    structure = np.flatnonzero(units.kinds == UnitKind.STRUCTURE)
    _, first = np.unique(units.containers[structure], return_index=True)
    opening = np.zeros(len(units), dtype=np.bool_)
    opening[structure[first]] = True
    return opening
