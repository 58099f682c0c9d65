"""Atomic text: character ranges that nothing may be cut inside."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from semtoken.datamodels import IntArray
from semtoken.segment.atom_patterns import ATOM


class AtomIndex:
    """Sorted, disjoint ranges with a look-up by position."""

    def __init__(self, ranges: list[tuple[int, int]]) -> None:
        self.ranges = ranges
        self._starts = [start for start, _ in ranges]

    def around(self, position: int) -> tuple[int, int] | None:
        """The atom that a cut at ``position`` would break, or None."""
        found = bisect_right(self._starts, position - 1) - 1
        if found >= 0 and self.ranges[found][1] > position:
            return self.ranges[found]
        return None


def find_atoms(text: str) -> AtomIndex:
    """Atoms of running text: numbers with units, dates, URLs, quotations, identifiers and the like."""
    return AtomIndex([match.span() for match in ATOM.finditer(text)])


def merge_atoms(found: list[tuple[int, int]], forced: list[tuple[int, int]], starts: IntArray, size: int) -> IntArray:
    """(k, 2) atoms: ``forced`` ones whole, ``found`` ones where they touch no forced one, none across units.

    ``starts`` are the unit starts of a text of ``size`` characters. An atom longer than a unit is
    cut where the unit was, so that every atom lies within one unit.
    """
    forced_array = np.array(forced, dtype=np.int64).reshape(-1, 2)
    atoms = np.array(found, dtype=np.int64).reshape(-1, 2)
    if len(forced_array):
        first = np.searchsorted(forced_array[:, 1], atoms[:, 0], side="right")
        nearest = forced_array[np.minimum(first, len(forced_array) - 1)]
        touches = (first < len(forced_array)) & (nearest[:, 0] < atoms[:, 1])
        atoms = np.concatenate([atoms[~touches], forced_array])
        atoms = atoms[np.argsort(atoms[:, 0], kind="stable")]
    return clip_atoms(atoms, starts, size)


def clip_atoms(atoms: IntArray, starts: IntArray, size: int) -> IntArray:
    """(k, 2) ``atoms`` cut at every unit start that lies inside one."""
    if not len(atoms):
        return atoms
    first = np.searchsorted(starts, atoms[:, 0], side="right") - 1
    last = np.searchsorted(starts, atoms[:, 1], side="left") - 1
    pieces = last - first + 1
    owner = np.repeat(np.arange(len(atoms)), pieces)
    offset = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    unit = first[owner] + offset
    ends = np.append(starts[1:], size)
    return np.stack([np.maximum(atoms[owner, 0], starts[unit]), np.minimum(atoms[owner, 1], ends[unit])], axis=1)
