"""Fences and JSON documents: the parts whose inside is not looked at line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from semtoken.segment.blocks import Block, BlockKind
from semtoken.segment.json_reader import read_json
from semtoken.segment.lines import LineKind, Lines

# Less than this is a citation or an example, not data.
_MIN_JSON_CHARS = 8
_PREAMBLE = re.compile(r"[^{\[\n]{1,200}?:\s{0,8}(?=[{\[])")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})(.*)", re.DOTALL)
Stanza = tuple[int, int]
"""First and last line + 1 of consecutive lines that are not blank."""


class RegionScanner:
    """One pass over the lines; every character is parsed as JSON a bounded number of times."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._json_from = 0
        self._fences = _closed_fences(lines)

    def regions(self) -> Iterator[Block | Stanza]:
        """Fence and JSON blocks, and the stanzas between them, in order."""
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
        if lines.kinds[index] is LineKind.BLANK or lines.starts[index] < self._json_from:
            return [], index
        return self._json(index)

    def _json(self, index: int) -> tuple[list[Block], int]:
        """A JSON value that starts on line ``index``, behind a short preamble or not, and ends with a line."""
        lines, text = self._lines, self._lines.text
        start = value = lines.starts[index] + lines.indent(index)
        if text[value] not in "{[":
            preamble = _PREAMBLE.match(text, start, lines.ends[index])
            if preamble is None:
                return [], index
            value = preamble.end()
        found = read_json(text, value)
        end = found.end
        last = index
        while last + 1 < len(lines.starts) and lines.starts[last + 1] < end:
            last += 1
        if not found.valid or end - value < _MIN_JSON_CHARS or text[end : lines.ends[last]].strip():
            self._json_from = end
            return [], index
        # White space before the value is JSON's too, unless it is a kind that JSON does not know.
        lead = lines.starts[index] if not text[lines.starts[index] : start].strip(" \t") else start
        block = Block(BlockKind.JSON, value if value > start else lead, end)
        if value == start:
            return [block], last + 1
        return [Block(BlockKind.PROSE, lines.starts[index], value), block], last + 1


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
