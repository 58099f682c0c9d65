"""What of a prompt is looked at: its two ends, without the cue lines that wait for an answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from semtoken.intent import labels
from semtoken.intent.blocks import Paragraph, paragraphs, windows

MAX_QUESTION = 2_000
"""Longest stretch, in characters, taken for a question."""

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Layout:
    """The ends of a prompt. ``head`` and ``tail`` are the same list for a text seen whole."""

    text: str = field(repr=False)
    start: int
    end: int
    """Where the body ends: before the trailing cue lines and white space."""
    cues: tuple[Range, ...]
    """Trailing "Answer:", chat-template tokens and the like."""
    blank_label: Range | None
    """A trailing label that is no known answer cue ("Summary:"), outside the body."""
    head: tuple[Paragraph, ...]
    tail: tuple[Paragraph, ...]

    @property
    def whole(self) -> bool:
        """Whether the text was short enough to be looked at from end to end."""
        return self.head is self.tail

    def __len__(self) -> int:
        return max(0, self.end - self.start)

    def piece(self, span: Range) -> str:
        """The text of a range."""
        return self.text[span[0] : span[1]]


def lay_out(text: str) -> Layout:
    """Look at the two ends of ``text``; linear in its length, and no more than that."""
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    body_end, cues, blank = _peel(text, start, end)
    seen = [tuple(paragraphs(text, max(a, start), min(b, body_end))) for a, b in windows(text)]
    return Layout(text, start, body_end, tuple(cues), blank, seen[0], seen[-1])


def _peel(text: str, start: int, end: int) -> tuple[int, list[Range], Range | None]:
    """Take the trailing cues off: where the body ends, the cues, and an unknown last label."""
    cues: list[Range] = []
    blank: Range | None = None
    for _ in range(6):
        line_start = max(text.rfind("\n", start, end) + 1, start)
        cue = _cue_start(text, line_start, end)
        if cue is None and blank is None and labels.is_bare_label(text[line_start:end]) and line_start > start:
            blank, cue = (line_start, end), line_start
        elif cue is not None and cue > start:
            cues.append((cue, end))
        if cue is None or cue <= start:
            break
        end = start + len(text[start:cue].rstrip()) if cue - start < MAX_QUESTION else _rstrip(text, cue)
    return end, cues, blank


def _cue_start(text: str, line_start: int, end: int) -> int | None:
    """Where the cue that ends the line begins, or None when the line ends in none."""
    token = labels.template_token(text, line_start, end)
    if token < end:
        return token
    line = text[line_start:end]
    label = labels.line_label(text, line_start, end) if len(line) <= 200 else None
    if label and label.kind == "answer" and label.end >= end:
        return line_start
    if len(line) <= 200 and labels.is_rule(line):
        return line_start
    inline = labels.inline_labels("answer", text, max(line_start, end - 40), end)
    return inline[-1].start if inline and inline[-1].end >= end else None


def _rstrip(text: str, end: int) -> int:
    while end > 0 and text[end - 1].isspace():
        end -= 1
    return end
