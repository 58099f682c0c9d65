"""The head and tail of a text as paragraphs of lines, with data (code, JSON) told apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

WINDOW = 8_192
"""Characters looked at from either end; a text of up to twice as many is looked at whole."""

_LINE = re.compile(r"[^\n]*(?:\n|\Z)")
_FENCE = re.compile(r"[ \t]{0,3}(?:```|~~~)")
_JSON_KEY = re.compile(r'"[^"]{1,200}"[ \t]*:')
_JSON_OPENS = re.compile(r'[\[{]\s*(?:["{\[}\]\d-]|$)')
_JSON_CLOSES = re.compile(r'(?:["\d}\]\[{]|true|false|null)\s*[}\]],?$')
_CODE = re.compile(
    r"(?:import [\w.]+(?: as \w+)?$|from [\w.]+ import |#include\b|using [\w.]+;|package [\w.]+;?$"
    r"|def \w+\(|class \w+.*[:{]$|@\w+$"
    r"|(?:public|private|protected|static|const|let|var|func|fn|return) .*[;{(](?:\s*//.*)?$"
    r"|[\w.\[\]\"']+ = [^?]*[\w)\]}\"';]$|[^?]*[=()\[\]<>][^?]*[;{}]$)",
    re.ASCII,
)
_BRACKETS = frozenset("{}[](),; \t")


@dataclass(frozen=True, slots=True)
class Line:
    """A non-blank line, ``text[start:end]``, without the white space around it."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Neighbouring lines with no blank line between; all data or all prose."""

    lines: tuple[Line, ...]
    data: bool

    @property
    def start(self) -> int:
        """First character."""
        return self.lines[0].start

    @property
    def end(self) -> int:
        """One past the last character."""
        return self.lines[-1].end

    def __len__(self) -> int:
        return self.end - self.start


def windows(text: str) -> tuple[tuple[int, int], ...]:
    """The ranges of ``text`` worth looking at: one for a short text, else the head and the tail."""
    size = len(text)
    if size <= 2 * WINDOW:
        return ((0, size),)
    return ((0, WINDOW), (size - WINDOW, size))


def paragraphs(text: str, start: int, end: int) -> list[Paragraph]:
    """The paragraphs of ``text[start:end]``, in order.

    Whether ``start`` lies inside a fence is told from the fences before it, so that code cut by
    the window is still known for code.
    """
    fenced = (text.count("\n```", 0, start) + text.startswith("```")) % 2 == 1 if start else False
    found: list[Paragraph] = []
    run: list[Line] = []
    run_data = adjacent = False
    for match in _LINE.finditer(text, start, end):
        raw = match.group()
        stripped = raw.strip()
        if not stripped:
            adjacent = False
            if run and not run_data:
                found.append(Paragraph(tuple(run), run_data))
                run = []
            continue
        is_fence = _FENCE.match(raw) is not None
        indented = adjacent and run_data and raw[0] in " \t"
        data = fenced or is_fence or indented or is_json(stripped) or _CODE.match(stripped[:400]) is not None
        if is_fence:
            fenced = not fenced
        if run and data != run_data:
            found.append(Paragraph(tuple(run), run_data))
            run = []
        run_data, adjacent = data, True
        first = match.start() + len(raw) - len(raw.lstrip())
        run.append(Line(first, first + len(stripped)))
    if run:
        found.append(Paragraph(tuple(run), run_data))
    return found


def is_json(line: str) -> bool:
    """Whether a stripped line is part of a JSON document rather than prose."""
    if line[0] in "{}[]" and all(c in _BRACKETS for c in line):
        return True
    if _JSON_OPENS.match(line) or _JSON_KEY.match(line):
        return line[0] == '"' or '"' in line or line[-1] in "]},["
    return _JSON_CLOSES.search(line[-40:]) is not None and _JSON_KEY.search(line[-2_000:]) is not None
