"""Source code outside fences: whole files, or stanzas between prose."""

from __future__ import annotations

import re
from collections.abc import Iterable

from semtoken.segment.blocks import Block, BlockKind
from semtoken.segment.lines import LineKind, Lines

# Comments, decorated lists and quoted shell output look like these; they speak for neither side.
_NEUTRAL = (LineKind.ATX, LineKind.LIST, LineKind.RULE, LineKind.BLANK, LineKind.TABLE)
_FILE_SHARE = 0.4
_MIN_FILE_LINES = 8
_STANZA_SHARE = 0.5
_DEFINITION = re.compile(
    r"[ \t]*+(?:@\w|(?:async )?def |class |(?:export |pub |static |public |private |protected ){0,4}"
    r"(?:func|function|fn|impl|struct|interface|enum|trait|class|void|int) )"
)


def _code_share(lines: Lines, first: int, last: int) -> tuple[int, int]:
    """Lines of ``[first, last)`` that look like code, and those that could have looked like prose or code."""
    kinds = lines.kinds[first:last]
    return kinds.count(LineKind.CODE), sum(kind not in _NEUTRAL for kind in kinds)


def is_source_file(lines: Lines, stanzas: Iterable[tuple[int, int]]) -> bool:
    """Whether the stanzas as a whole are source code, so that comments and docstrings are too."""
    shares = [_code_share(lines, first, last) for first, last in stanzas]
    code, total = (sum(column) for column in zip(*shares, strict=True)) if shares else (0, 0)
    return code >= _MIN_FILE_LINES and code >= _FILE_SHARE * total


def is_code(lines: Lines, first: int, last: int) -> bool:
    """Whether a stanza by itself is source code."""
    code, total = _code_share(lines, first, last)
    return code >= 2 and code >= _STANZA_SHARE * total and 3 * code >= last - first


def code_block(lines: Lines, first: int, last: int, limit: int) -> Block:
    """A stanza as code, cut before each of its outermost definitions where it is longer than a unit."""
    start, end = lines.starts[first], lines.ends[last - 1]
    cuts: list[int] = []
    if end - start > limit:
        defining = [k for k in range(first + 1, last) if _DEFINITION.match(lines.text, lines.starts[k], lines.ends[k])]
        outermost = min((lines.indent(k) for k in defining), default=0)
        cuts = [
            lines.starts[k]
            for k in defining
            # A decorator and its definition stay together.
            if lines.indent(k) == outermost and not lines.line(k - 1).lstrip().startswith("@")
        ]
    return Block(BlockKind.CODE, start, end, tuple(cuts))
