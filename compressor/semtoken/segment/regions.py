"""Fences and JSON documents: the parts whose inside is not looked at line by line."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from semtoken.segment.blocks import Block, BlockKind
from semtoken.segment.json_reader import read_json
from semtoken.segment.lines import LineKind, Lines

# Less than this is a citation or an example, not data.
_MIN_JSON_CHARS = 8
_MIN_INLINE_CHARS = 120
"""The same of a value with more on its lines than what introduces it: a shorter one is read in its sentence."""
_PREAMBLE = re.compile(r"[^{\[\n]{1,200}?:\s{0,8}")
_BRACKET = re.compile(r"[{\[]")
_CLOSING_MARKS = re.compile(r"[^\w\s<]{1,4}+\s*+")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})(.*)", re.DOTALL)
Stanza = tuple[int, int]
"""First and last line + 1 of consecutive lines that are not blank."""


class RegionScanner:
    """One pass over the lines; every character is parsed as JSON a bounded number of times.

    ``limit`` is the longest unit in characters.
    """

    def __init__(self, lines: Lines, limit: int) -> None:
        self._lines = lines
        self._limit = limit
        self._json_from = 0
        self._fences = _closed_fences(lines)

    def regions(self) -> Iterator[Block | Stanza]:
        """Fence and JSON blocks with what stands on the lines of these, and the stanzas between them, in order."""
        index = first = 0
        kinds = self._lines.kinds
        while index < len(kinds):
            found, after = self._region(index)
            if not found and kinds[index] is not LineKind.BLANK:
                index += 1
                continue
            if first < index:
                yield first, index
            yield from found
            index = first = max(after, index + 1)
        if first < index:
            yield first, index

    def _region(self, index: int) -> tuple[list[Block], int]:
        lines = self._lines
        if (last := self._fences.get(index)) is not None:
            return [Block(BlockKind.FENCE, lines.starts[index], lines.ends[last])], last + 1
        if lines.kinds[index] is LineKind.BLANK or lines.ends[index] <= self._json_from:
            return [], index
        return self._json(index)

    def _json(self, index: int) -> tuple[list[Block], int]:
        """The JSON values that start on line ``index`` and on the lines where they end, and the text beside them."""
        lines, text = self._lines, self._lines.text
        blocks: list[Block] = []
        begin, last = lines.starts[index], index
        fewest = self._fewest_inline(index)
        tab = text.find("\t", begin + lines.indent(index), lines.ends[index])  # behind it are further cells
        while found := _BRACKET.search(text, max(begin, self._json_from), lines.ends[last]):
            value = found.start()
            read = read_json(text, value)
            fresh, self._json_from = self._json_from <= lines.starts[index], read.end
            if not read.valid:
                continue
            stop = last
            while stop + 1 < len(lines.starts) and lines.starts[stop + 1] < read.end:
                stop += 1
            closing = _CLOSING_MARKS.fullmatch(text, read.end, lines.ends[stop])
            end = read.end if closing is None else lines.ends[stop]
            alone = fresh and not text[read.end : lines.ends[stop]].strip() and self._introduced(begin, value)
            if read.end - value < (_MIN_JSON_CHARS if alone else fewest) or (not alone and -1 < tab < value):
                continue
            blocks += self._beside(begin, value, end)
            begin, last, self._json_from = end, stop, end
        if blocks and text[begin : lines.ends[last]].strip():
            blocks.append(Block(BlockKind.PROSE, begin, lines.ends[last]))
        return blocks, last + 1 if blocks else index

    def _introduced(self, begin: int, value: int) -> bool:
        """Whether nothing stands between the two but a byte order mark or a short preamble."""
        before = self._lines.text[begin:value].strip()
        return before in ("", "\ufeff") or _PREAMBLE.fullmatch(before) is not None

    def _fewest_inline(self, index: int) -> int:
        """The fewest characters of a value that is taken out of what else stands on line ``index``."""
        kind = self._lines.kinds[index]
        if kind in (LineKind.TABLE, LineKind.LOG):
            return sys.maxsize
        # In source code a literal is taken out only where it would be cut.
        return max(_MIN_INLINE_CHARS, self._limit + 1) if kind is LineKind.CODE else _MIN_INLINE_CHARS

    def _beside(self, begin: int, value: int, end: int) -> list[Block]:
        """The JSON block of ``value``, behind one of the text before it where there is any."""
        before = self._lines.text[begin:value]
        if before.strip().strip("\ufeff"):
            return [Block(BlockKind.PROSE, begin, value), Block(BlockKind.JSON, value, end)]
        # White space before the value is JSON's too, unless it is a kind that JSON does not know.
        return [Block(BlockKind.JSON, value if before.strip("\ufeff \t") else begin, end)]


def _closed_fences(lines: Lines) -> dict[int, int]:
    """Opening line of each fence that is closed, and its closing line (CommonMark 4.5)."""
    marks: list[tuple[int, str, bool]] = []
    for index, kind in enumerate(lines.kinds):
        if kind is LineKind.FENCE and (match := _FENCE.fullmatch(lines.line(index))) is not None:
            marks.append((index, match[1], not match[2].strip()))
    # The longest closer from each mark on tells an unclosed fence without a search.
    longest = {"`": 0, "~": 0}
    behind: list[int] = []
    for _, mark, closes in reversed(marks):
        behind.append(longest[mark[0]])
        if closes:
            longest[mark[0]] = max(longest[mark[0]], len(mark))
    behind.reverse()
    found: dict[int, int] = {}
    position = 0
    while position < len(marks):
        index, mark, _ = marks[position]
        if behind[position] >= len(mark):
            position += 1
            while not (marks[position][2] and marks[position][1].startswith(mark)):
                position += 1
            found[index] = marks[position][0]
        position += 1
    return found
