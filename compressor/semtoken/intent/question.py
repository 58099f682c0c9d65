"""Find the question and the instructions inside a user's message."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from semtoken.intent import cues, labels, whole_text
from semtoken.intent.blocks import Line, Paragraph
from semtoken.intent.candidates import ENOUGH, Candidate, strongest, unlabelled
from semtoken.intent.cues import Cue
from semtoken.intent.labelled import ANSWERED, labelled
from semtoken.intent.layout import Layout, Range, lay_out
from semtoken.intent.lexicon import load, unspaced

SHORT = 600
"""A message of up to this many characters (CJK and Thai count threefold) is all question."""
MAX_INSTRUCTION = 1_500
CLOSING = 60
"""A last paragraph of up to this many characters is kept, question or not."""
MAX_RIVALS = 8
TASK_MARGIN = 1.0
"""A paragraph at an edge that reads neither as a question nor as an order must look this much like a task."""
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Intent:
    """What the user wants, as character ranges of the message; both kinds are to be pinned."""

    question: Range | None = None
    instructions: tuple[Range, ...] = ()
    """Sorted, disjoint, and outside ``question``."""
    frame: tuple[Range, ...] = ()
    """The label of the question, and cues that wait for an answer: instructions that are no part of a document."""

    def query(self, text: str) -> str | None:
        """The question to measure relevance against: without its label, None if it names no subject.

        "Summarise this report" asks about the whole; its words would pull towards sentences that
        speak of reports.
        """
        if self.question is None:
            return None
        question = text[slice(*self.question)].strip()
        return None if not question or is_generic(question) else question

    def request(self, text: str) -> str:
        """Question and instructions together, for :func:`whole_text_task`; empty if there is neither."""
        spans = sorted([*self.instructions, *([self.question] if self.question else [])])
        return "\n".join(text[start:end] for start, end in spans)


@dataclass(frozen=True, slots=True)
class Finding:
    """An intent with the rank of its evidence, comparable between texts."""

    intent: Intent
    rank: float


def find_question(text: str) -> Intent:
    """The question and instructions of one user message: instruction, documents, question in any order.

    Looks at bounded stretches at both ends only. A short message is a question as a whole; a
    document that asks nothing has none.
    """
    return analyse(text).intent


def analyse(text: str) -> Finding:
    """:func:`find_question` with the rank of the evidence."""
    layout = lay_out(text)
    if not len(layout):
        return Finding(Intent(), 0)
    candidates = [*labelled(layout), *unlabelled(layout)]
    best = strongest(candidates)
    if is_short(text) and (best is None or best.label is None or best.rank <= ANSWERED):
        rank = cues.judge(layout.piece((layout.start, layout.end)))
        span = (layout.start, layout.end)
        return Finding(Intent(span, _outside(layout.cues, span), layout.cues), rank)
    frame = [*layout.cues, *([layout.blank_label] if layout.blank_label else [])]
    pinned = [*frame, *_edges(layout)]
    if best is None:
        return Finding(Intent(None, _outside(pinned, None), tuple(frame)), 0)
    frame += [best.label] if best.label else []
    pinned += [*frame, *_rivals(layout, candidates, best)]
    return Finding(Intent(best.span, _outside(pinned, best.span), tuple(frame)), best.rank)


def is_short(text: str) -> bool:
    """Whether a message is too short to hold a document."""
    size = len(text)
    if size > SHORT:
        return False
    return size + 2 * sum(unspaced(c) for c in text) <= SHORT if unspaced(text) else True


def is_generic(question: str) -> bool:
    """Whether a request names no subject of its own ("Summarise the text above in two sentences")."""
    if unspaced(question):
        rest = _WORD.sub("", _generic_phrases().sub("", question.lower()))
        words = _WORD.findall(_generic_phrases().sub(" ", question.lower()))
        return not rest.strip(" \t\n,.:;!?。，：；！？、") and not words
    words = _WORD.findall(question.lower())
    known = _generic_words()
    return all(word in known or word.isdigit() for word in words)


@cache
def _generic_words() -> frozenset[str]:
    return frozenset(load("questions.toml")["generic"]["words"])


@cache
def _generic_phrases() -> re.Pattern[str]:
    words = sorted((w for w in _generic_words() if unspaced(w)), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, words)))


def _rivals(layout: Layout, candidates: Sequence[Candidate], best: Candidate) -> list[Range]:
    """Beaten candidates that are likely enough to be kept verbatim all the same.

    At the edges, where users ask, that is whatever would have been the question without the winner: a document
    that labels a question of its own must not make the user's be dropped. Elsewhere it takes more evidence, and
    there are few of them, so that a document full of questions does not pin itself.
    """
    apart = [c for c in candidates if c.span[1] <= best.span[0] or c.span[0] >= best.span[1]]
    edges = [c for c in apart if c.rank >= ENOUGH and _at_edge(layout, c.span) and c.span[1] - c.span[0] <= SHORT]
    inner = sorted((c for c in apart if c.rank >= Cue.IMPERATIVE), key=lambda c: (-c.rank, -c.span[0]))
    return [c.span for c in (*edges, *inner[:MAX_RIVALS])]


def _at_edge(layout: Layout, span: Range) -> bool:
    return span[0] == layout.start or span[1] == layout.end


def _edges(layout: Layout) -> list[Range]:
    """Instructions and document labels at both ends, inwards to where the document begins."""
    found: list[Range] = []
    last = layout.tail[-1] if layout.tail else None
    if last and not last.data and len(last) <= CLOSING:
        # "Go on.": whatever a last word is, keeping it costs a few tokens and losing it may cost the turn.
        found.append((last.start, last.end))
    for paragraphs, step in ((layout.head, 1), (layout.tail, -1)):
        for paragraph in paragraphs[::step][:4]:
            taken = _instruction(layout, paragraph, step)
            found += taken
            if not taken or taken[-1] != (paragraph.start, paragraph.end):
                break
    return found


def _instruction(layout: Layout, paragraph: Paragraph, step: int) -> list[Range]:
    """The parts of an outermost paragraph that instruct, from its outer edge inwards."""
    span = (paragraph.start, paragraph.end)
    if paragraph.data:
        return []
    if len(paragraph) <= MAX_INSTRUCTION and _instructs(layout, span):
        return [span]
    found: list[Range] = []
    for line in paragraph.lines[::step][:8]:
        label = labels.line_label(layout.text, line.start, line.end) if step == 1 else None
        if label and label.kind == "context":
            return [*found, (label.start, label.end)] if label.end < line.end else [*found, (line.start, line.end)]
        if not _short_line(line) or not _instructs(layout, (line.start, line.end)):
            break
        found.append((line.start, line.end))
    return found


def _short_line(line: Line) -> bool:
    return line.end - line.start <= MAX_INSTRUCTION // 2


def _instructs(layout: Layout, span: Range) -> bool:
    piece = layout.piece(span)
    if labels.is_rule(piece) or cues.judge(piece) in (Cue.IMPERATIVE, Cue.HOW_TO_ANSWER):
        return True
    # "Into Dutch, please, footnotes included."
    return is_short(piece) and whole_text.score(piece) >= TASK_MARGIN


def _outside(spans: Sequence[Range], question: Range | None) -> tuple[Range, ...]:
    """The union of ``spans`` without ``question``, sorted and disjoint."""
    cut: list[Range] = []
    for start, end in spans:
        if question is None or end <= question[0] or start >= question[1]:
            cut.append((start, end))
            continue
        cut += [(start, question[0]), (question[1], end)]
    merged: list[Range] = []
    for start, end in sorted(s for s in cut if s[0] < s[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
