"""All blocks of a text, in order; what lies between them is white space and rules."""

from __future__ import annotations

from collections.abc import Iterator

from semtoken.segment import source, titles
from semtoken.segment.blocks import Block, BlockKind
from semtoken.segment.html import html_blocks
from semtoken.segment.lines import LineKind, Lines, split_lines
from semtoken.segment.regions import RegionScanner, Stanza
from semtoken.segment.scripts import ScriptMap
from semtoken.segment.stanzas import StanzaReader

_MAX_TITLES = 2
"""More short lines in a row than this are a list or a dialogue."""


def scan(text: str, scripts: ScriptMap, limit: int) -> Iterator[Block]:
    """The blocks of ``text``; ``limit`` is the longest unit in characters."""
    lines = split_lines(text)
    regions = list(RegionScanner(lines, limit).regions())
    whole_file = source.is_source_file(lines, (region for region in regions if not isinstance(region, Block)))
    reader = StanzaReader(lines, scripts)
    found_titles = set() if whole_file else _titles(lines, regions)
    whole = source.definition_chars(text, limit)
    read_to = 0
    for number, region in enumerate(regions):
        if isinstance(region, Block):
            yield region
            continue
        first, last = region
        if last <= read_to:
            continue
        if first in found_titles:
            level = titles.NUMBERED_LEVEL if titles.numbered_title(lines, first) else titles.TITLE_LEVEL
            yield Block(BlockKind.HEADING, lines.starts[first], lines.ends[first], level=level)
        elif whole_file:
            read_to = _code_end(lines, regions, number, region)
            yield from source.code_blocks(lines, first, read_to, limit=limit, whole=whole)
        elif html := html_blocks(text, lines.starts[first], lines.ends[last - 1]):
            yield from html
        elif source.is_code(lines, first, last):
            read_to = _code_end(lines, regions, number, region)
            yield from source.code_blocks(lines, first, read_to, limit=limit, whole=whole)
        elif not _is_rule(lines, region):
            yield from reader.read(first, last)


def _code_end(lines: Lines, regions: list[Block | Stanza], number: int, code: Stanza) -> int:
    """The line after the stanza ``code``, of this ``number``, and those that only go on with its definitions."""
    indent, end = source.definition_indent(lines, *code), code[1]
    while indent is not None and number + 1 < len(regions):
        number += 1
        region = regions[number]
        if isinstance(region, Block) or not source.goes_on(lines, *region, indent):
            break
        end = region[1]
    return end


def _is_rule(lines: Lines, region: Stanza) -> bool:
    return region[1] - region[0] == 1 and lines.kinds[region[0]] is LineKind.RULE


def _titles(lines: Lines, regions: list[Block | Stanza]) -> set[int]:
    """First lines of one-line stanzas that head what follows them."""
    found: set[int] = set()
    streak: list[int] = []
    for region in regions:
        if not isinstance(region, Block):
            first, last = region
            if _is_rule(lines, region):
                continue
            if last - first == 1 and (titles.plain_title(lines, first) or titles.numbered_title(lines, first)):
                streak.append(first)
                continue
        if len(streak) <= _MAX_TITLES:
            found.update(streak)
        else:
            found.update(k for k in streak if titles.numbered_title(lines, k))
        streak = []
    return found
