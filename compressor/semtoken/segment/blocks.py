"""What a block of lines is; `scan` finds them, `assemble` makes units of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class BlockKind(Enum):
    """How the text of a block becomes units."""

    PROSE = "prose"
    """Sentences."""
    HEADING = "heading"
    """One unit that starts a section."""
    LIST_ITEM = "list_item"
    """One unit."""
    TABLE = "table"
    """One unit per row; the header is the heading of the rows."""
    LOG = "log"
    """One unit per line."""
    CODE = "code"
    """One unit per cut."""
    DEFINITION = "definition"
    """A function or a class of source code: one unit that is never cut."""
    FENCE = "fence"
    """One unit that is never cut."""
    JSON = "json"
    """A tree."""


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive whole lines of one nature; ``end`` leaves the last line break out."""

    kind: BlockKind
    start: int
    end: int
    cuts: tuple[int, ...] = ()
    """Offsets in ``(start, end)`` where a further unit starts."""
    level: int = 0
    """Of a heading: 1 is the highest."""
    headed: bool = False
    """Whether the first unit is the header of the others."""
    joins: bool = False
    """Whether it goes on with the paragraph of the block before it."""
