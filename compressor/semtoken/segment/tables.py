"""Rows of tab-, comma-, semicolon- or bar-separated values."""

from __future__ import annotations

from semtoken.segment.lines import Lines

# Delimiter, fewest of it in a row, fewest rows: prose has commas too, so that they must say more.
_DELIMITERS = (("\t", 1, 2), ("|", 1, 3), (",", 2, 4), (";", 2, 4))


def delimited_rows(lines: Lines, first: int, last: int) -> int | None:
    """The line after the rows that start at ``first``, or None where no table starts there."""
    line = lines.line(first)
    for delimiter, fewest, rows in _DELIMITERS:
        count = line.count(delimiter)
        if count < fewest:
            continue
        end = first + 1
        while end < last and lines.line(end).count(delimiter) == count:
            end += 1
        if end - first >= rows:
            return end
    return None
