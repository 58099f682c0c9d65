"""Growing lists of units with the paragraph, section and heading each belongs to."""

from __future__ import annotations

from semtoken.datamodels import UnitKind
from semtoken.segment.blocks import Block, BlockKind


class Outline:
    """Parallel lists, one entry per unit; headings form a stack by level."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.kinds: list[int] = []
        self.paragraphs: list[int] = []
        self.sections: list[int] = []
        self.headings: list[int] = []
        self.containers: list[int] = []
        self.block_units = 0
        """Units of the block that is open."""
        self._paragraph = 0
        self._section = 0
        self._stack: list[tuple[int, int]] = []
        self._header = -1

    def open_block(self, block: Block) -> None:
        """The units that follow belong to ``block``."""
        self.block_units = 0
        self._header = -1
        if self.starts and not block.joins:
            self._paragraph += 1
        if block.kind is not BlockKind.HEADING:
            return
        if self.starts:
            self._section += 1
        while self._stack and self._stack[-1][0] >= block.level:
            self._stack.pop()
        self._header = self._stack[-1][1] if self._stack else -1
        self._stack.append((block.level, len(self.starts)))

    def add(self, start: int, kind: UnitKind, container: int = -1, *, header: bool = False) -> None:
        """Add a unit; ``header`` makes it the heading of the block's further units."""
        index = len(self.starts)
        above = self._stack[-1][1] if self._stack else -1
        heading = self._header if self._header >= 0 else above
        if heading == index:
            heading = self._stack[-2][1] if len(self._stack) > 1 else -1
        self.starts.append(start)
        self.kinds.append(kind)
        self.paragraphs.append(self._paragraph)
        self.sections.append(self._section)
        self.containers.append(container)
        self.headings.append(heading)
        self.block_units += 1
        if header:
            self._header = index
