"""Questions that a label or a tag announces."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace

from semtoken.intent import cues, labels
from semtoken.intent.blocks import Line, windows
from semtoken.intent.candidates import Candidate
from semtoken.intent.cues import Cue
from semtoken.intent.labels import Label
from semtoken.intent.layout import MAX_QUESTION, Layout, Range

TAGGED = 100
LABELLED_TAIL = 90
LABELLED_HEAD = 80
ANSWERED = 30
"""A label whose answer stands below it: a FAQ or a worked example."""
FAR = 800
"""A labelled question farther than this from both ends of the prompt is the document's."""
LEAD = 300
MAX_QUESTION_LINES = 200
"""A question of more lines is a document."""
MAX_INLINE = 32
"""Labels looked at from either end of a line: with more of them it is data."""
MANY = 20
"""More unanswered labels than this at the head are a list of questions in the document."""


def labelled(layout: Layout) -> Iterator[Candidate]:
    """Candidates behind "Question:" and its kin, or inside ``<question>``."""
    for low, high in windows(layout.text):
        for start, end, inner, inner_end in labels.tagged(layout.text, low, high):
            if inner_end - inner <= MAX_QUESTION and not _in_data(layout, start):
                yield Candidate((inner, inner_end), TAGGED, (start, end))
    sides = (layout.head,) if layout.whole else (layout.head, layout.tail)
    for side in sides:
        lines = [line for p in side for line in p.lines]
        # A label inside code or JSON is the document's; what follows a label may well be code.
        data = [p.data for p in side for _ in p.lines]
        marks = [
            None if d else labels.line_label(layout.text, n.start, n.end) for n, d in zip(lines, data, strict=True)
        ]
        asking = [i for i, mark in enumerate(marks) if mark and mark.kind in ("question", "task", "chat")]
        found = [candidate for index in asking for candidate in _behind(layout, lines, marks, index)]
        listed = sum(candidate.rank == LABELLED_HEAD for candidate in found) > MANY
        for candidate in found:
            yield replace(candidate, rank=Cue.WH) if listed and candidate.rank == LABELLED_HEAD else candidate
        yield from _inline(layout, lines, marks)


def _in_data(layout: Layout, position: int) -> bool:
    return any(p.data and p.start <= position < p.end for p in (*layout.head, *layout.tail))


def _behind(layout: Layout, lines: Sequence[Line], marks: Sequence[Label | None], index: int) -> Iterator[Candidate]:
    """The candidate behind the label of line ``index``."""
    mark = marks[index]
    if mark is None:
        return
    begin, stop = mark.end, index
    if begin >= lines[index].end:
        if index + 1 >= len(lines) or (marks[index + 1] and marks[index + 1].kind != "question"):  # type: ignore[union-attr]
            return
        stop = index + 1
        begin = lines[stop].start
    late = mark.start - layout.start > layout.end - mark.end
    document = None if late else next((i for i in _near(lines, stop, begin) if _opens_document(marks[i])), None)
    if document is not None and lines[document - 1].end - begin <= MAX_QUESTION:
        stop = document - 1
    while stop + 1 < len(lines) and _goes_on(layout, lines, marks, stop, late=late):
        stop += 1
    span = (begin, lines[stop].end)
    following = marks[stop + 1] if stop + 1 < len(lines) else None
    answered = following is not None and following.kind == "answer" and following.end < lines[stop + 1].end
    if span[1] - span[0] <= MAX_QUESTION and span[0] < span[1]:
        yield Candidate(span, _rank(layout, mark, span, answered=answered), (mark.start, mark.end))


def _near(lines: Sequence[Line], stop: int, begin: int) -> Sequence[int]:
    """Lines behind ``stop`` that are near enough for what stands before them to be a question from ``begin`` on."""
    last = bisect_right(lines, begin + MAX_QUESTION, lo=stop + 1, key=lambda line: line.end)
    return range(stop + 1, min(last + 1, stop + 1 + MAX_QUESTION_LINES, len(lines)))


def _opens_document(mark: Label | None) -> bool:
    return mark is not None and mark.kind == "context"


def _goes_on(layout: Layout, lines: Sequence[Line], marks: Sequence[Label | None], stop: int, *, late: bool) -> bool:
    """Whether the line after ``stop`` still belongs to the question."""
    line, following = lines[stop], lines[stop + 1]
    if marks[stop + 1] is not None:
        return False
    piece = layout.text[following.start : min(following.end, following.start + MAX_QUESTION)]
    if cues.is_option(piece[:40]):
        return True
    parted = layout.text.count("\n", line.end, following.start) > 1
    if not late:
        return (
            not parted
            and len(piece) <= 300
            and not cues.is_speaker_line(piece[:200])
            and cues.judge(piece) >= Cue.HOW_TO_ANSWER
        )
    if not parted:
        return True
    asked = cues.asks(layout.text[max(line.start, line.end - 80) : line.end])
    return not (asked and layout.end - following.start > FAR) and cues.judge(piece) not in (
        Cue.IMPERATIVE,
        Cue.HOW_TO_ANSWER,
    )


def _rank(layout: Layout, mark: Label, span: Range, *, answered: bool) -> float:
    if answered:
        return ANSWERED
    near_end = layout.end - span[1] <= FAR and mark.start - layout.start >= layout.end - span[1]
    near_start = mark.start - layout.start <= FAR
    if not near_end and not near_start:
        return ANSWERED
    if mark.kind == "chat":
        return LABELLED_HEAD + 2 if near_end and layout.cues else 0
    if mark.kind == "task":
        cue = cues.judge(layout.piece(span))
        return cue if cue <= Cue.HOW_TO_ANSWER else max(cue, Cue.ASIDE) + 10
    return LABELLED_TAIL if near_end else LABELLED_HEAD


def _inline(layout: Layout, lines: Sequence[Line], marks: Sequence[Label | None]) -> Iterator[Candidate]:
    """Labels in the middle of a line: "Context: … Question: … Answer:" written in one go."""
    for index, line in enumerate(lines):
        asking = labels.inline_labels("question", layout.text, line.start, line.end)
        if not asking or _in_data(layout, line.start):
            continue
        cuts = sorted(
            cut.start
            for kind in ("context", "answer")
            for cut in labels.inline_labels(kind, layout.text, line.start, line.end)
        )
        for label in _outermost(asking):
            if label.start == line.start and marks[index]:
                continue
            end = _inline_end(layout, lines, marks, index, label, cuts)
            span = (label.end, label.end + len(layout.text[label.end : end].rstrip()))
            if 0 < span[1] - span[0] <= MAX_QUESTION:
                yield from _behind_inline(layout, line, label, span)


def _outermost(found: Sequence[Label]) -> Sequence[Label]:
    return found if len(found) <= 2 * MAX_INLINE else [*found[:MAX_INLINE], *found[-MAX_INLINE:]]


def _behind_inline(layout: Layout, line: Line, label: Label, span: Range) -> Iterator[Candidate]:
    """The candidate at ``span`` behind a label in the middle of ``line``, if it reads like one."""
    opening = layout.text[label.end : min(span[1], line.end)]
    cue = cues.judge(opening)
    if cue is not Cue.NONE or labels.announces(opening) or layout.end <= min(span[1], line.end):
        # What leads up to the label in its line ("Answer the following question:") instructs.
        lead = line.start if label.start - line.start <= LEAD else label.start
        rank = _rank(layout, label, span, answered=False) - 5
        # "… to answer the question: does it work?" is prose; a label is written large.
        prose = layout.text[label.start].islower()
        yield Candidate(span, min(rank, cue, Cue.QUESTION - 2) if prose else rank, (lead, label.end))


def _inline_end(
    layout: Layout,
    lines: Sequence[Line],
    marks: Sequence[Label | None],
    index: int,
    label: Label,
    cuts: Sequence[int],
) -> int:
    """Where a question that opens inside a line ends: at the next of the ``cuts``, or with its paragraph."""
    following = bisect_left(cuts, label.end)
    if following < len(cuts):
        return cuts[following]
    late = label.start - layout.start > layout.end - label.end
    while late and index + 1 < len(lines) and _goes_on(layout, lines, marks, index, late=True):
        index += 1
    return lines[index].end
