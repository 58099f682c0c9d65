"""Source code outside fences: whole files, or stanzas between prose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from semtoken.segment.blocks import Block, BlockKind
from semtoken.segment.lines import LineKind, Lines

# Comments, decorated lists and quoted shell output look like these; they speak for neither side.
_NEUTRAL = (LineKind.ATX, LineKind.LIST, LineKind.RULE, LineKind.BLANK, LineKind.TABLE)
_FILE_SHARE = 0.4
_MIN_FILE_LINES = 8
_STANZA_SHARE = 0.5
_WHOLE_CHARS = 2400
"""A definition of at most so many characters is one unit: without its end a function says something else."""
_WHOLE_SHARE = 8
"""But at most one part in so many of the text, lest none fit the budget."""
_MAX_DECORATOR_LINES = 16
_BRACKETS = re.compile(r"[ \t]*+(?:[\])}{]|end\b)")
"""Opens the body or ends the definition above it."""
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


def definition_indent(lines: Lines, first: int, last: int) -> int | None:
    """The indentation of the outermost definition that starts in ``[first, last)``, or None."""
    return min((lines.indent(line) for line in range(first, last) if _defines(lines, line)), default=None)


def goes_on(lines: Lines, first: int, last: int, indent: int) -> bool:
    """Whether all of ``[first, last)`` belongs to a definition before it that is indented by ``indent``."""
    return all(lines.indent(line) > indent or _closes(lines, line) for line in range(first, last))


def definition_chars(text: str, limit: int) -> int:
    """Characters of the longest definition of ``text`` that is one unit; ``limit`` is the longest other unit."""
    return max(limit, min(_WHOLE_CHARS, len(text) // _WHOLE_SHARE))


def code_blocks(lines: Lines, first: int, last: int, *, limit: int, whole: int) -> Iterator[Block]:
    """The blocks of source code, blank lines included: each definition of at most ``whole`` characters is one, with
    its decorators; a longer one is read for the definitions inside it."""
    begin = index = first
    while index < last:
        end = _definition_end(lines, index, last, whole) if _defines(lines, index) else index + 1
        if end > index + 1:
            yield from _stanzas(lines, begin, index, limit)
            yield Block(BlockKind.DEFINITION, lines.starts[index], lines.ends[end - 1])
            begin = end
        index = end
    yield from _stanzas(lines, begin, last, limit)


def _defines(lines: Lines, index: int) -> bool:
    return _DEFINITION.match(lines.text, lines.starts[index], lines.ends[index]) is not None


def _closes(lines: Lines, index: int) -> bool:
    return _BRACKETS.match(lines.text, lines.starts[index], lines.ends[index]) is not None


def _definition_end(lines: Lines, index: int, last: int, whole: int) -> int:
    """The line after the definition that starts on line ``index``, or the next line where it is longer than ``whole``.

    What is indented more goes on with it; what is indented as much opens its body, closes it or, behind a
    decorator, is it.
    """
    indent, end = lines.indent(index), index + 1
    decorated = lines.line(index).lstrip().startswith("@")
    for line in range(index + 1, last):
        blank, beside = lines.kinds[line] is LineKind.BLANK, lines.indent(line) <= indent
        if beside and not blank:
            if lines.indent(line) < indent or not (decorated or _closes(lines, line)):
                break
            decorated = decorated and (not _defines(lines, line) or lines.line(line).lstrip().startswith("@"))
        if lines.ends[line] - lines.starts[index] > whole or (decorated and line - index > _MAX_DECORATOR_LINES):
            return index + 1
        end = end if blank else line + 1
    return end


def _stanzas(lines: Lines, first: int, last: int, limit: int) -> Iterator[Block]:
    begin = None
    for index in range(first, last + 1):
        blank = index == last or lines.kinds[index] is LineKind.BLANK
        if blank and begin is not None:
            yield code_block(lines, begin, index, limit)
            begin = None
        elif not blank and begin is None:
            begin = index
