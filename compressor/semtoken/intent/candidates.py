"""Stretches of a prompt that may be its question, each with a rank."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from semtoken.intent import cues, labels
from semtoken.intent.blocks import Line, Paragraph
from semtoken.intent.cues import Cue
from semtoken.intent.layout import MAX_QUESTION, Layout, Range

GLUED = 12
"""Off the rank where only a line break, not a blank line, parts the piece from the document."""
QUOTED = 45
BULKY = 45
TITLE = 30
CROWDED = 10
INNER = 8
TAIL = 5
LONG_LINE = 300
SHORT_PARAGRAPH = 600
ENOUGH = 20
"""The lowest rank of a question."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stretch that may be the question."""

    span: Range
    rank: float
    label: Range | None = None
    """The label in front of it ("Question:"), outside ``span``."""


def unlabelled(layout: Layout) -> Iterator[Candidate]:
    """Candidates told by their words, marks and place alone."""
    tail = [p for p in layout.tail if not p.data]
    head = [p for p in layout.head if not p.data]
    yield from _announced(layout, tail)
    yield from _announced_first(layout, head)
    if tail and layout.tail[-1] is tail[-1]:
        yield from _at_tail(layout, tail)
    if head and layout.head[0] is head[0]:
        yield from _at_head(layout, head)
    elif head and layout.tail[-1] is not head[-1]:
        # Code or JSON on both sides: what stands between is the user's.
        yield from (_weigh(layout, (p.start, p.end), head, -INNER) for p in head if len(p) <= MAX_QUESTION)
    if layout.blank_label:
        yield Candidate(layout.blank_label, 30)
        yield from _last_item(layout, layout.blank_label)


def _at_tail(layout: Layout, paragraphs: Sequence[Paragraph]) -> Iterator[Candidate]:
    last = _with_options(layout, paragraphs)
    whole = _weigh(layout, last, paragraphs, TAIL)
    yield whole
    lines = paragraphs[-1].lines
    if len(lines) > 1:
        stem = _stem(layout, lines)
        yield _weigh(layout, (lines[stem].start, lines[-1].end), paragraphs, TAIL - GLUED)
        if stem > 1:
            # "Is this statement true?" with the statement on a line of its own
            yield _weigh(layout, (lines[stem - 1].start, lines[-1].end), paragraphs, TAIL - GLUED - 2)
    yield from _edge_sentence(layout, lines[-1], -1)
    before = [p for p in paragraphs if p.end <= last[0]]
    if before and whole.rank <= Cue.IMPERATIVE + TAIL:
        inner = _with_options(layout, before)
        if cues.judge(layout.piece(last)) in (Cue.IMPERATIVE, Cue.HOW_TO_ANSWER):
            yield _weigh(layout, inner, paragraphs, TAIL - INNER)


def _at_head(layout: Layout, paragraphs: Sequence[Paragraph]) -> Iterator[Candidate]:
    first = paragraphs[0]
    span = _extend_over_options(layout, paragraphs, 0)
    yield _weigh(layout, span, paragraphs, -_title(layout.piece(span)))
    if len(first.lines) > 1:
        line = first.lines[0]
        end = _options_end(layout, first.lines)
        yield _weigh(layout, (line.start, end), paragraphs, -GLUED - _title(layout.text[line.start : end]))
    yield from _edge_sentence(layout, first.lines[0], 0)
    opening = cues.judge(layout.piece(span)) if span[1] - span[0] <= MAX_QUESTION else Cue.NONE
    if len(paragraphs) > 1 and opening in (Cue.IMPERATIVE, Cue.HOW_TO_ANSWER):
        inner = _extend_over_options(layout, paragraphs, 1)
        if cues.judge(layout.piece(inner)) >= Cue.KEYWORDS:
            yield _weigh(layout, inner, paragraphs, -INNER)


def _weigh(layout: Layout, span: Range, paragraphs: Sequence[Paragraph], bonus: float) -> Candidate:
    """The candidate at ``span``: its cue's rank, and what its place and neighbours add or take."""
    size = span[1] - span[0]
    if size > MAX_QUESTION:
        return Candidate(span, 0)
    piece = layout.piece(span)
    cue = cues.judge(piece)
    rank: float = cue
    if cue in (Cue.NONE, Cue.HOW_TO_ANSWER):
        return Candidate(span, rank)
    if cue is Cue.KEYWORDS and not _stands_apart(layout, span):
        return Candidate(span, 0)
    if cues.is_quoted(piece) or _in_transcript(layout, span, paragraphs):
        rank -= QUOTED
    if 2 * size > len(layout):
        rank -= BULKY
    others = [p for p in paragraphs if p.end <= span[0] or p.start >= span[1]]
    if sum(cues.asks(layout.text[p.lines[0].start : p.lines[0].end][-80:]) for p in others) >= 2:
        rank -= CROWDED
    return Candidate(span, rank + bonus)


def _stands_apart(layout: Layout, span: Range) -> bool:
    """Whether words without mark or verb stand alone: all lower case, or after a full stop at the end."""
    if len(layout) <= 3 * (span[1] - span[0]):
        return False
    gap = layout.text[max(layout.start, span[0] - 80) : span[0]]
    before = gap.rstrip()
    parted = not before or gap.count("\n", len(before)) > 1
    piece = layout.piece(span)
    if parted and piece == piece.lower():
        return True
    return bool(before) and not before[-1].isalnum() and before[-1] not in ",;-–("


def _title(piece: str) -> int:
    """What a piece loses for looking like a headline: no mark, and most words capitalised."""
    words = [w for w in piece.split() if len(w) > 3 and w[0].isalpha()]
    capitals = sum(w[0].isupper() for w in words)
    return (
        TITLE if not cues.asks(piece) and piece[-1:].isalnum() and len(words) > 1 and 2 * capitals > len(words) else 0
    )


def _in_transcript(layout: Layout, span: Range, paragraphs: Sequence[Paragraph]) -> bool:
    """Whether the piece is one of several neighbouring "Name: words" lines."""
    if not cues.is_speaker_line(layout.piece(span)[:200]):
        return False
    lines = [line for p in paragraphs for line in p.lines if line.end <= span[0] or line.start >= span[1]]
    near = sorted(lines, key=lambda line: min(abs(line.end - span[0]), abs(line.start - span[1])))[:4]
    return sum(cues.is_speaker_line(layout.text[line.start : line.start + 200]) for line in near) >= 2


def _is_options(layout: Layout, lines: Sequence[Line]) -> bool:
    return all(cues.is_option(layout.text[line.start : line.start + 40]) for line in lines)


def _with_options(layout: Layout, paragraphs: Sequence[Paragraph]) -> Range:
    """The last paragraph; where it lists choices, together with the one that asks."""
    last = paragraphs[-1]
    index = len(paragraphs) - 1
    while index > 0 and index > len(paragraphs) - 10 and _is_options(layout, paragraphs[index].lines):
        index -= 1
    stem = paragraphs[index]
    if sum(len(p.lines) for p in paragraphs[index + 1 :]) < 2:
        return last.start, last.end
    if stem is last or last.end - stem.lines[-1].start > MAX_QUESTION:
        return last.start, last.end
    if len(stem) <= MAX_QUESTION and cues.judge(layout.piece((stem.start, stem.end))) >= Cue.ASIDE:
        return stem.start, last.end
    start = stem.lines[-1].start
    return (start, last.end) if cues.judge(layout.piece((start, stem.end))) >= Cue.ASIDE else (last.start, last.end)


def _extend_over_options(layout: Layout, paragraphs: Sequence[Paragraph], index: int) -> Range:
    end = paragraphs[index].end
    for follower in paragraphs[index + 1 : index + 10]:
        if not _is_options(layout, follower.lines):
            break
        end = follower.end
    return paragraphs[index].start, end


def _stem(layout: Layout, lines: Sequence[Line]) -> int:
    """Index of the line that asks: the last one that is no choice."""
    index = len(lines) - 1
    while index > 0 and index > len(lines) - 10 and _is_options(layout, lines[index : index + 1]):
        index -= 1
    return index if index < len(lines) - 2 else len(lines) - 1


def _options_end(layout: Layout, lines: Sequence[Line]) -> int:
    end = lines[0].end
    for line in lines[1:10]:
        if not _is_options(layout, (line,)):
            break
        end = line.end
    return end


def _edge_sentence(layout: Layout, line: Line, side: int) -> Iterator[Candidate]:
    """The first (side 0) or last (-1) sentence of a long line: a prompt written as one paragraph."""
    if line.end - line.start <= LONG_LINE and line.end - line.start < len(layout):
        return
    low = line.start if side == 0 else max(line.start, line.end - MAX_QUESTION)
    high = line.end if side == -1 else min(line.end, line.start + MAX_QUESTION)
    parts = cues.sentences(layout.text[low:high])
    if not parts:
        return
    first, last = parts[side]
    if side == 0:
        colon = layout.text.find(":", low, low + min(last, LONG_LINE))
        last = colon + 1 - low if colon >= 0 and layout.text[colon + 1 : colon + 2].isspace() else last
    span = (low + first, low + last)
    cue = cues.judge(layout.piece(span))
    if cue in (Cue.QUESTION, Cue.IMPERATIVE) and span[1] - span[0] <= SHORT_PARAGRAPH:
        yield Candidate(_trim(layout.text, span), cue - 2 * GLUED)


def _announced(layout: Layout, tail: Sequence[Paragraph]) -> Iterator[Candidate]:
    """ "The following is an abstract." near the end, with all that comes after it."""
    for p in tail:
        size = layout.end - p.start
        fits = size <= MAX_QUESTION and len(p) <= 80 and 3 * size < len(layout) and p is not tail[-1]
        if fits and labels.announces(layout.piece((p.start, p.end))):
            yield Candidate((p.start, layout.end), Cue.QUESTION - 2)
            return


def _announced_first(layout: Layout, head: Sequence[Paragraph]) -> Iterator[Candidate]:
    """The same at the start: the announcement, the piece, and the request that closes them."""
    for index, p in enumerate(head[:2]):
        if len(p) > 80 or not labels.announces(layout.piece((p.start, p.end))):
            continue
        for follower in head[index + 2 : index + 5]:
            size = follower.end - p.start
            fits = size <= MAX_QUESTION and 3 * size < len(layout)
            if fits and cues.judge(layout.piece((follower.start, follower.end))) >= Cue.IMPERATIVE:
                yield Candidate((p.start, follower.end), Cue.QUESTION - 2)
                return


def _last_item(layout: Layout, label: Range) -> Iterator[Candidate]:
    """The open item of a few-shot prompt whose answered items end in the same label."""
    name = layout.piece(label).rstrip()
    low = max(layout.start, label[0] - MAX_QUESTION)
    previous = layout.text.rfind("\n" + name, low, label[0])
    if previous < 0:
        return
    line_end = layout.text.find("\n", previous + 1)
    span = _trim(layout.text, (line_end + 1, layout.end))
    if span[0] < span[1]:
        yield Candidate(span, Cue.QUESTION - 5)


def _trim(text: str, span: Range) -> Range:
    piece = text[span[0] : span[1]]
    return span[0] + len(piece) - len(piece.lstrip()), span[0] + len(piece.rstrip())


def strongest(candidates: Sequence[Candidate]) -> Candidate | None:
    """The best candidate that is good enough; of equals the one nearest the end."""
    best = max(candidates, key=lambda c: (c.rank, c.span[0]), default=None)
    return best if best and best.rank >= ENOUGH else None
