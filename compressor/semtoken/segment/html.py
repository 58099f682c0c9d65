"""HTML as crawlers and converters leave it: block tags part paragraphs, items, rows and headings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from semtoken.segment.blocks import Block, BlockKind
from semtoken.segment.graphemes import joins

# Tags may carry attributes or, as some data sets write them, none of HTML's spacing (<Td_colspan="2">).
_REST = r"(?:[\s_/][^<>]{0,300})?>"
_OPENING = r"h[1-6]|p|li|dt|dd|tr|div|table|ul|ol|dl|section|article|blockquote|pre"
_BLOCK_TAG = re.compile(rf"<(?:(?P<open>{_OPENING}){_REST}|/(?P<close>table|ul|ol|dl|h[1-6])\s*>)", re.IGNORECASE)
_HEADER_CELL = re.compile(r"<th[\s_>]", re.IGNORECASE)
_MIN_TAGS = 4
"""Fewer block tags than this are somebody writing about HTML."""
_KINDS = {"li": BlockKind.LIST_ITEM, "dt": BlockKind.LIST_ITEM, "dd": BlockKind.LIST_ITEM, "tr": BlockKind.TABLE}


def html_blocks(text: str, start: int, end: int) -> list[Block]:
    """The blocks of ``text[start:end]``, which they cover; none where it is not HTML.

    Every opening block tag starts a block with what follows it; a heading ends with its own closing
    tag. Consecutive rows are one table, whose first row heads it where it has header cells.
    """
    tags = list(_BLOCK_TAG.finditer(text, start, end))
    if len(tags) < _MIN_TAGS:
        return []
    return list(_joined_rows(_blocks(text, start, end, tags), text))


def _blocks(text: str, start: int, end: int, tags: list[re.Match[str]]) -> Iterator[Block]:
    name, begin = "", start
    for tag in tags:
        closes_heading = (tag["close"] or "").lower().startswith("h")
        edge = tag.end() if closes_heading else tag.start()
        while joins(text, edge, begin):
            edge += 1
        yield from _block(text, name, begin, edge)
        name, begin = ("" if closes_heading else (tag["open"] or "").lower()), edge
    yield from _block(text, name, begin, end)


def _block(text: str, name: str, begin: int, end: int) -> Iterator[Block]:
    """The piece as a block; leading white space goes between the blocks."""
    begin = end - len(text[begin:end].lstrip())
    if begin < end and name.startswith("h") and name[1:].isdigit():
        yield Block(BlockKind.HEADING, begin, end, level=int(name[1:]))
    elif begin < end:
        yield Block(_KINDS.get(name, BlockKind.PROSE), begin, end)


def _joined_rows(blocks: Iterator[Block], text: str) -> Iterator[Block]:
    rows: list[Block] = []
    for block in blocks:
        if block.kind is BlockKind.TABLE:
            rows.append(block)
            continue
        yield from _table(rows, text)
        rows = []
        yield block
    yield from _table(rows, text)


def _table(rows: list[Block], text: str) -> Iterator[Block]:
    if rows:
        first, last = rows[0], rows[-1]
        headed = len(rows) > 1 and _HEADER_CELL.search(text, first.start, first.end) is not None
        yield Block(BlockKind.TABLE, first.start, last.end, tuple(row.start for row in rows[1:]), headed=headed)
