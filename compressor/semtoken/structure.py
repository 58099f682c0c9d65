"""What must stay around the content that stays: glue (separators, brackets), and the headers of tables."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import BoolArray, IntArray, Segmentation, UnitKind


def table_headers(segmentation: Segmentation) -> IntArray:
    """(n,) index of the header row of each table row, or -1: without it a row's cells say nothing."""
    headings = segmentation.headings
    row = segmentation.kinds == UnitKind.TABLE_ROW
    return np.where(row & (headings >= 0) & row[headings], headings, -1)


def resolve_glue(segmentation: Segmentation, keep: BoolArray) -> BoolArray:
    """Complete a choice of content units with the glue that it needs.

    ``keep`` (n,) holds the choice for content units; entries of glue are ignored. A bracket stays
    while anything inside its container does; a separator stays where a sibling between it and the
    separator before it stays and a later sibling stays too. So what is left of valid JSON is
    valid JSON, and paragraphs stay apart.
    """
    kinds = segmentation.kinds
    if not np.isin(kinds, (UnitKind.SEPARATOR, UnitKind.STRUCTURE, UnitKind.TAG)).any():
        return keep.copy()
    resolved = keep & segmentation.content
    alive = _live_containers(segmentation, resolved)
    structure = kinds == UnitKind.STRUCTURE
    resolved[structure] = alive[segmentation.containers[structure]]
    owner, is_item = _siblings(segmentation)
    separator = kinds == UnitKind.SEPARATOR
    resolved |= _live_separators(owner, is_item & resolved, separator)
    # A pinned blank line stays in any case; a comma may not, for it would be one too many.
    resolved |= separator & segmentation.pinned & (segmentation.containers < 0)
    return resolved


def _live_containers(segmentation: Segmentation, keep: BoolArray) -> BoolArray:
    parents = segmentation.container_parents
    alive = np.zeros(len(parents), dtype=np.bool_)
    inside = segmentation.containers[keep]
    alive[inside[inside >= 0]] = True
    for child in range(len(parents) - 1, -1, -1):  # a child's number is higher than its parent's
        if alive[child] and parents[child] >= 0:
            alive[parents[child]] = True
    return alive


def _siblings(segmentation: Segmentation) -> tuple[IntArray, BoolArray]:
    """Owner of each unit as a sibling, and whether it counts as one: a container is represented
    among its parent's items by its opening bracket."""
    owner = segmentation.containers.copy()
    structure = np.flatnonzero(segmentation.kinds == UnitKind.STRUCTURE)
    _, first = np.unique(segmentation.containers[structure], return_index=True)
    opening = structure[first]
    owner[opening] = segmentation.container_parents[segmentation.containers[opening]]
    is_item = segmentation.content
    is_item[opening] = True
    return owner, is_item


def _live_separators(owner: IntArray, live_item: BoolArray, separator: BoolArray) -> BoolArray:
    order = np.lexsort((np.arange(len(owner)), owner))
    new_owner = np.append(True, np.diff(owner[order]) != 0)
    group = np.cumsum(new_owner) - 1
    running = np.cumsum(live_item[order])
    before_group = (running - live_item[order])[new_owner][group]
    seen = running - before_group
    total = np.bincount(group, weights=live_item[order]).astype(np.int64)[group]
    result = np.zeros(len(owner), dtype=np.bool_)
    rows = np.flatnonzero(separator[order])
    if not len(rows):
        return result
    previous = np.append(0, seen[rows][:-1])
    previous[np.append(True, np.diff(group[rows]) != 0)] = 0
    result[order[rows]] = (seen[rows] > previous) & (total[rows] > seen[rows])
    return result
