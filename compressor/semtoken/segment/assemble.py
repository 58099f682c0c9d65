"""Units of a whole text: blocks become units, what lies between them becomes separators."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np

from semtoken.datamodels import IntArray, Segmentation, UnitKind
from semtoken.segment.atoms import AtomIndex, find_atoms, merge_atoms
from semtoken.segment.blocks import Block, BlockKind
from semtoken.segment.graphemes import joins
from semtoken.segment.json_units import JsonUnits
from semtoken.segment.outline import Outline
from semtoken.segment.scan import scan
from semtoken.segment.sentences import SentenceSplitter
from semtoken.segment.split import long_cuts

_BEFORE_VALUE = re.compile(r"[^{\[]*+")
_UNIT_KINDS = {
    BlockKind.PROSE: UnitKind.SENTENCE,
    BlockKind.HEADING: UnitKind.HEADING,
    BlockKind.LIST_ITEM: UnitKind.LIST_ITEM,
    BlockKind.TABLE: UnitKind.TABLE_ROW,
    BlockKind.LOG: UnitKind.LOG_LINE,
    BlockKind.CODE: UnitKind.CODE,
    BlockKind.DEFINITION: UnitKind.CODE,
    BlockKind.FENCE: UnitKind.CODE,
}
_UNCUT = (BlockKind.DEFINITION, BlockKind.FENCE)


def assemble(text: str, limit: int) -> Segmentation:
    """The segmentation of ``text`` with no unit pinned; ``limit`` is the longest unit in characters."""
    assembler = Assembler(text, limit)
    for block in scan(text, assembler.splitter.scripts, limit):
        assembler.add(block)
    return assembler.finish()


class Assembler:
    """Collects the units of one text, block by block."""

    def __init__(self, text: str, limit: int) -> None:
        self._text = text
        self._limit = limit
        self.splitter = SentenceSplitter(text)
        self._atoms: AtomIndex = find_atoms(text)
        self._forced: list[tuple[int, int]] = []
        self._outline = Outline()
        self._parents: list[int] = []
        self._end = 0

    def add(self, block: Block) -> None:
        """Add the units of ``block``, and of what lies between it and the block before."""
        start = self._gap(block)
        self._outline.open_block(block)
        if block.kind is BlockKind.JSON:
            self._add_json(block, start)
        else:
            self._add_text(block, start)
        self._end = block.end

    def finish(self) -> Segmentation:
        """The units collected."""
        size = len(self._text)
        self._gap(None)
        outline = self._outline
        starts = _array(outline.starts)
        return Segmentation(
            text=self._text,
            starts=starts,
            ends=np.append(starts[1:], size) if len(starts) else starts,
            kinds=_array(outline.kinds),
            paragraphs=_array(outline.paragraphs),
            sections=_array(outline.sections),
            headings=_array(outline.headings),
            containers=_array(outline.containers),
            container_parents=_array(self._parents),
            pinned=np.zeros(len(starts), dtype=np.bool_),
            atoms=merge_atoms(self._atoms.ranges, self._forced, starts, size),
        )

    def _gap(self, block: Block | None) -> int:
        """Settle the text before ``block`` and return where its first unit starts.

        One line break belongs to the unit before it; after a block of several units it stands alone,
        lest it go with the last of them. Blank lines always stand alone.
        """
        start, end = self._end, len(self._text) if block is None else block.start
        if start == end:
            return end
        between = self._text[start:end]
        if not self._outline.starts and block is not None:
            own = block.kind is not BlockKind.JSON or not between.strip(" \t\r\n")
            if own:
                return start
        breaks = between.count("\n") or between.count("\r")
        if not self._outline.starts or breaks > 1 or (self._outline.block_units > 1 and block is not None):
            self._outline.add(start, UnitKind.SEPARATOR)
        return end

    def _add_json(self, block: Block, start: int) -> None:
        tree = JsonUnits(self._text, self._limit)
        lead = _BEFORE_VALUE.match(self._text, block.start)
        value = block.start if lead is None else lead.end()
        tree.add_document(start, value)
        offset = len(self._parents)
        self._parents += [parent + offset if parent >= 0 else -1 for parent in tree.parents]
        for begin, end, kind, container in zip(
            tree.starts, [*tree.starts[1:], block.end], tree.kinds, tree.containers, strict=True
        ):
            self._outline.add(begin, kind, container + offset if container >= 0 else -1)
            if kind is UnitKind.JSON_ITEM:
                self._forced.append((begin, end))

    def _add_text(self, block: Block, start: int) -> None:
        if block.kind in _UNCUT:
            self._forced.append((block.start, block.end))
        kind = _UNIT_KINDS[block.kind]
        for number, (begin, end) in enumerate(pairwise([start, *block.cuts, block.end])):
            header = block.headed and number == 0
            for cut in self._unit_starts(block.kind, begin, end):
                # Only its first piece heads the section; the others may go.
                later = kind is UnitKind.HEADING and cut > begin
                self._outline.add(cut, UnitKind.SENTENCE if later else kind, header=header and cut == begin)

    def _unit_starts(self, kind: BlockKind, begin: int, end: int) -> list[int]:
        if kind in _UNCUT or (kind is not BlockKind.PROSE and end - begin <= self._limit):
            return [begin]
        starts = [begin]
        if kind in (BlockKind.PROSE, BlockKind.LIST_ITEM):
            starts += [
                cut
                for cut in self.splitter.starts(begin, end)
                if not joins(self._text, cut, begin) and not self._holds_together(cut)
            ]
        code = kind is BlockKind.CODE
        return [
            piece
            for first, last in pairwise([*starts, end])
            for piece in (
                first,
                *long_cuts(self._text, first, last, self._limit, self._atoms, lines_first=code),
            )
        ]

    def _holds_together(self, cut: int) -> bool:
        atom = self._atoms.around(cut)
        return atom is not None and atom[1] - atom[0] <= self._limit


def _array(values: list[int]) -> IntArray:
    return np.array(values, dtype=np.int64)
