"""A slow, plain reading of the separator and structure rules of ``UnitKind``: what a choice of units becomes."""

from __future__ import annotations

from collections.abc import Collection

from semtoken.datamodels import Segmentation, UnitKind


def pieces(units: Segmentation) -> list[str]:
    return [units.text[start:end] for start, end in zip(units.starts, units.ends, strict=True)]


def of_kind(units: Segmentation, kind: UnitKind) -> list[str]:
    return [piece for piece, found in zip(pieces(units), units.kinds, strict=True) if found == kind]


def resolve(units: Segmentation, chosen: Collection[int]) -> str:
    """The text that stays when of the content units only ``chosen`` stay."""
    parents = units.container_parents.tolist()
    alive: set[int] = set()
    for index in chosen:
        container = int(units.containers[index])
        while container >= 0:
            alive.add(container)
            container = parents[container]

    # The siblings of each container in order: (unit index, child or separator, stays).
    def stays(index: int) -> bool:
        kind = units.kinds[index]
        if kind == UnitKind.STRUCTURE:
            return int(units.containers[index]) in alive
        return kind not in (UnitKind.TAG, UnitKind.SEPARATOR) and index in chosen

    kept = [stays(index) for index in range(len(units))]
    for index in range(len(units)):
        if units.kinds[index] != UnitKind.SEPARATOR:
            continue
        inside = [k for k in range(len(units)) if _within(units, k, int(units.containers[index]))]
        before = [k for k in inside if k < index]
        last = max((k for k in before if _separates(units, k, index)), default=-1)
        kept[index] = any(kept[k] for k in before if k > last and units.kinds[k] != UnitKind.SEPARATOR) and any(
            kept[k] for k in inside if k > index and units.kinds[k] != UnitKind.SEPARATOR
        )
    return "".join(piece for piece, keep in zip(pieces(units), kept, strict=True) if keep)


def _separates(units: Segmentation, other: int, index: int) -> bool:
    return bool(units.kinds[other] == UnitKind.SEPARATOR and units.containers[other] == units.containers[index])


def _within(units: Segmentation, index: int, container: int) -> bool:
    """Whether a unit lies in ``container`` (-1 is the text), its own brackets left out."""
    own = int(units.containers[index])
    if own == container:
        return container < 0 or units.kinds[index] != UnitKind.STRUCTURE
    while own >= 0 and own != container:
        own = int(units.container_parents[own])
    return own == container
