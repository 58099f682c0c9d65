"""Which line breaks of running text end something, and which only wrap it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from semtoken.segment.lines import LineKind, Lines
from semtoken.segment.scripts import WIDE, ScriptMap

_MIN_WIDTH = 40
"""Narrower than this nobody wraps prose."""
_MAX_WIDTH = 120
"""Longer lines are whole paragraphs."""
_FILL = 0.8
"""A wrapped line with the next line's first word on it would fill at least this part of the width."""
_MIN_WORDS = 4
# A word as in running text, not a file name or a key.
_GOES_ON = re.compile(r"[^\W\d_]{1,40}(?:['’-][^\W\d_]{1,40})?(?:[\s,.;:!?)]|$)")


def logical_lines(lines: Lines, scripts: ScriptMap, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Ranges of lines of ``[first, last)`` that a reader takes for one line: hard-wrapped text is one.

    A line break is soft where the next line's first word would not have fitted, or where a long
    line stops in mid-sentence and the next goes on in lower case.
    """
    wide = scripts.language(lines.starts[first], lines.ends[last - 1]) in WIDE
    columns = 2 if wide else 1
    width = columns * max(lines.ends[k] - lines.starts[k] for k in range(first, last))
    begin = first
    for index in range(first + 1, last):
        if not _soft(lines, index, width, columns):
            yield begin, index
            begin = index
    yield begin, last


def _soft(lines: Lines, index: int, width: int, columns: int) -> bool:
    if lines.kinds[index] is LineKind.LABEL:
        return False
    line, following = lines.line(index - 1).rstrip(), lines.line(index).lstrip()
    if (
        _GOES_ON.match(following) is not None
        and following[0].islower()
        and line.count(" ") >= _MIN_WORDS
        and line[-1] not in ".!?:;"
    ):
        return True
    if not _MIN_WIDTH <= width <= _MAX_WIDTH:
        return False
    word = 1 if columns == 2 else len(following[:width].split(maxsplit=1)[0])
    return columns * (len(line) + word) + 1 >= _FILL * width


def is_paragraph(lines: Lines, first: int, last: int) -> bool:
    """Whether a logical line is long enough, or speaks for itself, to be a paragraph of its own."""
    return lines.kinds[first] is LineKind.LABEL or lines.ends[last - 1] - lines.starts[first] > _MAX_WIDTH
