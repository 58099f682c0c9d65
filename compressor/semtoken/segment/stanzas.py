"""The blocks of one stanza (consecutive lines that are not blank), each line looked at in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from semtoken.segment import titles
from semtoken.segment.blocks import Block, BlockKind
from semtoken.segment.lines import LineKind, Lines
from semtoken.segment.scripts import ScriptMap
from semtoken.segment.tables import delimited_rows
from semtoken.segment.wrap import is_paragraph, logical_lines

_MAX_SETEXT_CHARS = 120
_MIN_COMMENTS = 4
"""So many headings of one level with nothing under them are a list or a comment."""
Found = tuple[list[Block], int]
"""Blocks, and the first line after them."""


class StanzaReader:
    """Reads stanzas of ``lines``; a reader of a line kind answers None where its kind does not hold."""

    def __init__(self, lines: Lines, scripts: ScriptMap) -> None:
        self.lines = lines
        self.scripts = scripts
        self._readers: dict[LineKind, Callable[[int, int], Found | None]] = {
            LineKind.ATX: self._atx,
            LineKind.WIKI: self._wiki,
            LineKind.TABLE: self._table,
            LineKind.QUOTE: self._quote,
            LineKind.LIST: self._list,
            LineKind.LOG: self._log,
            LineKind.MAIL: self._mail,
        }

    def read(self, first: int, last: int) -> Iterator[Block]:
        """The blocks of the lines ``[first, last)``, which they cover."""
        index = first
        while index < last:
            reader = self._readers.get(self.lines.kinds[index])
            found = reader(index, last) if reader is not None else None
            if found is None:
                found = self._titled(index, first, last) or self._rows(index, last) or self._prose(index, last)
            yield from found[0]
            index = found[1]

    def _block(self, kind: BlockKind, first: int, last: int, *, level: int = 0, joins: bool = False) -> Block:
        return Block(kind, self.lines.starts[first], self.lines.ends[last - 1], level=level, joins=joins)

    def _per_line(self, kind: BlockKind, first: int, last: int, *, header: int = 0) -> Found:
        cuts = self.lines.starts[first + max(header, 1) : last]
        block = Block(kind, self.lines.starts[first], self.lines.ends[last - 1], tuple(cuts), headed=header > 0)
        return [block], last

    def _run(self, first: int, last: int, kind: LineKind) -> int:
        end = first + 1
        while end < last and self.lines.kinds[end] is kind:
            end += 1
        return end

    def _atx(self, index: int, last: int) -> Found:
        level, end = self._atx_level(index), index + 1
        while end < last and self.lines.kinds[end] is LineKind.ATX and self._atx_level(end) == level:
            end += 1
        if end - index < _MIN_COMMENTS:
            return [self._block(BlockKind.HEADING, index, index + 1, level=level)], index + 1
        items = [self._block(BlockKind.LIST_ITEM, k, k + 1, joins=k > index) for k in range(index, end)]
        return items, end

    def _atx_level(self, index: int) -> int:
        line = self.lines.line(index).lstrip()
        return len(line) - len(line.lstrip("#"))

    def _wiki(self, index: int, last: int) -> Found | None:
        del last
        line = self.lines.line(index).replace(" ", "")
        level = len(line) - len(line.lstrip("="))
        return [self._block(BlockKind.HEADING, index, index + 1, level=level)], index + 1

    def _table(self, index: int, last: int) -> Found | None:
        end = self._run(index, last, LineKind.TABLE)
        if end - index < 2:
            return None
        ruled = set(self.lines.line(index + 1)) <= set("|-: \t+")
        return self._per_line(BlockKind.TABLE, index, end, header=min(2 if ruled else 1, end - index - 1))

    def _rows(self, index: int, last: int) -> Found | None:
        end = delimited_rows(self.lines, index, last)
        return None if end is None else self._per_line(BlockKind.TABLE, index, end, header=1)

    def _quote(self, index: int, last: int) -> Found | None:
        depth = _quote_depth(self.lines.line(index))
        end = index + 1
        while end < last and self.lines.kinds[end] is LineKind.QUOTE and _quote_depth(self.lines.line(end)) == depth:
            end += 1
        return [self._block(BlockKind.PROSE, index, end)], end

    def _list(self, index: int, last: int) -> Found | None:
        blocks: list[Block] = []
        indent = self.lines.indent(index)
        while index < last and self.lines.kinds[index] is LineKind.LIST:
            end = index + 1
            while end < last and self._continues_item(end, indent):
                end += 1
            blocks.append(self._block(BlockKind.LIST_ITEM, index, end, joins=bool(blocks)))
            index = end
        return blocks, index

    def _continues_item(self, index: int, indent: int) -> bool:
        if self.lines.kinds[index] not in (LineKind.PLAIN, LineKind.LABEL, LineKind.CODE, LineKind.MAIL):
            return False
        line = self.lines.line(index).lstrip()
        return self.lines.indent(index) > indent or line[0].islower()

    def _log(self, index: int, last: int) -> Found | None:
        return self._per_line(BlockKind.LOG, index, last)

    def _mail(self, index: int, last: int) -> Found | None:
        end, headers = index, 0
        while end < last and (self.lines.kinds[end] is LineKind.MAIL or (headers and self.lines.line(end)[0] in " \t")):
            headers += self.lines.kinds[end] is LineKind.MAIL
            end += 1
        return ([self._block(BlockKind.HEADING, index, end, level=1)], end) if headers >= 2 else None

    def _titled(self, index: int, first: int, last: int) -> Found | None:
        lines = self.lines
        if index + 1 < last and lines.kinds[index + 1] is LineKind.RULE and lines.line(index + 1).strip()[0] in "=-":
            short = lines.ends[index] - lines.starts[index] <= _MAX_SETEXT_CHARS
            if short and lines.kinds[index] is not LineKind.RULE:
                level = 1 if lines.line(index + 1).strip()[0] == "=" else 2
                return [self._block(BlockKind.HEADING, index, index + 2, level=level)], index + 2
        if index == first and index + 1 < last and titles.numbered_title(lines, index):
            return [self._block(BlockKind.HEADING, index, index + 1, level=titles.NUMBERED_LEVEL)], index + 1
        return None

    def _prose(self, index: int, last: int) -> Found:
        lines = self.lines
        end = index + 1
        while end < last and lines.kinds[end] not in self._readers:
            if lines.kinds[end] is LineKind.RULE and end > index + 1:
                # The line above a rule is a heading: leave it to the next round.
                end -= 1
                break
            end += 1
        blocks: list[Block] = []
        for begin, stop in logical_lines(lines, self.scripts, index, end):
            joins = bool(blocks) and not is_paragraph(lines, begin, stop)
            blocks.append(self._block(BlockKind.PROSE, begin, stop, joins=joins))
        return blocks, end


def _quote_depth(line: str) -> int:
    head = line[:40].replace(" ", "")
    return len(head) - len(head.lstrip(">"))
