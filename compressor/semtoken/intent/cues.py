"""What a short piece of text is, by its words and marks alone: a question, a request, or neither."""

from __future__ import annotations

import re
from enum import IntEnum

from semtoken.intent.lexicon import opening, pattern, unspaced

_LEXICON = "questions.toml"
_QUESTION_MARK = re.compile(
    r"(?:[?？؟\u037e]|(?:です|ます|した|でしょう|だろう|のです|せん)か。|[吗嗎呢]。)[\s\"'”’»」』)\]*_]*$"
)
_ANY_MARK = re.compile(r"[?？؟\u037e]")
_GREEK_MARK = re.compile(r"[\u0370-\u03ff][^;]{3,400};[\s\"'”’»)]*$")
_STOP = re.compile(r"[.。!！。।…]['\"”’»」』)\]]*$")
_SENTENCE = re.compile(
    r"(?:[^.!?。！？؟।;\u037e\n]|[.!?؟;](?=[^\s\"”’»)]))+(?:[.!?。！？؟।;\u037e]+[\"”’»」』)]*|\n|$)"
)
_QUOTED = re.compile(r"^\s*(?:>|[\"“”„«‘「『](?:[^\"”»’」』?？]*[?？]|.*[\"”»’」』]\s*$))", re.DOTALL)
_INVERTED = re.compile(
    r"^\W*(?:\w+\s+){0,2}(?:who|what|when|where|which|why|how)(?:\s+\w+){0,2}?\s+"
    r"(?:is|are|was|were|do|does|did|can|could|would|should|has|have|had|will)\b[^,]*$",
    re.IGNORECASE,
)
_CLOSES_QUOTE = re.compile(r"[?？][\"”]$")
_NUMBER = re.compile(r"^[\s(]*\d{1,3}[.)]\s+")
_SPEAKER = re.compile(r"^[^\W\d_][^\n:：?？.!]{0,40}[:：]\s*\S")
_OPTION = re.compile(r"^\s*(?:[-*•]\s*)?[(\[（]?(?:[A-Ha-h]|[1-9]|[①-⑧])(?:[)\]）.:、．]|(?<=[①-⑧]))\s*\S")


LONG = 250
"""A sentence beyond this many characters is prose."""
BRIEF = 200
"""A piece of up to this many characters that asks anywhere is a question."""
COURTESY = 60
""""Thanks a lot!": the user's own words up to this many characters."""
ANSWER = 150
"""A question with more than this many characters after it has its answer there."""


class Cue(IntEnum):
    """How much a piece looks like what the user wants, as a rank (higher wins)."""

    NONE = 0
    HOW_TO_ANSWER = 12
    """"Answer from the passages only", "Thanks!": the user's words, never the question itself."""
    KEYWORDS = 30
    """Lower case and unpunctuated, as typed into a search box; means something at the end only."""
    ASIDE = 38
    """Prose that ends in a question."""
    WH = 46
    """Opens with a question word, without a mark."""
    IMPERATIVE = 48
    QUESTION = 60


def sentences(piece: str) -> list[tuple[int, int]]:
    """Rough sentence ranges of a bounded piece: enough to look at its first and last one."""
    return [m.span() for m in _SENTENCE.finditer(piece) if m.group().strip()]


def is_option(line: str) -> bool:
    """Whether a line is one choice of a multiple-choice question."""
    return _OPTION.match(line) is not None


def is_quoted(piece: str) -> bool:
    """Whether the piece is direct speech or a block quotation; a question about a quotation is neither."""
    if _QUOTED.match(piece) is not None:
        return True
    return _CLOSES_QUOTE.search(piece) is not None and not (opens_with_question_word(piece) or is_imperative(piece))


def is_speaker_line(line: str) -> bool:
    """Whether a line looks like ``Name: words``, as in a transcript."""
    return _SPEAKER.match(line) is not None


def asks(sentence: str) -> bool:
    """Whether a sentence ends in a question mark of any script (Greek uses ``;``)."""
    sentence = sentence.rstrip()
    return _QUESTION_MARK.search(sentence) is not None or _GREEK_MARK.search(sentence) is not None


def opens_with_question_word(sentence: str) -> bool:
    """Whether a sentence opens with an interrogative word or auxiliary."""
    return opening(_LEXICON, "interrogative", "start").match(sentence) is not None


def is_imperative(sentence: str) -> bool:
    """Whether a sentence tells somebody to do something."""
    if opening(_LEXICON, "imperative", "start").match(sentence):
        return opening(_LEXICON, "imperative", "never").match(sentence) is None
    return pattern(_LEXICON, "imperative", "end", r"{}[\s.。!！।]*$").search(sentence[-60:]) is not None


def judge(piece: str) -> Cue:
    """The cue of a piece of at most a few thousand characters."""
    piece = _NUMBER.sub("", _without_options(piece)).strip()
    texts = [piece[start:end].strip() for start, end in sentences(piece)]
    if not texts:
        return Cue.NONE
    asking = [asks(sentence) for sentence in texts]
    if any(asking):
        cue = _judge_asking(piece, texts, asking)
        if cue is not Cue.NONE:
            return cue
    if is_imperative(texts[0]) or (_size(piece) <= 400 and is_imperative(texts[-1])):
        about = pattern(_LEXICON, "imperative", "about_answering").search(piece)
        return Cue.HOW_TO_ANSWER if about else Cue.IMPERATIVE
    if len(piece) <= COURTESY and pattern(_LEXICON, "courtesy", "words", "^{}").match(piece):
        return Cue.HOW_TO_ANSWER
    return _judge_unmarked(piece, texts)


def _size(piece: str) -> int:
    """Length in characters, those of scripts without spaces threefold."""
    return 3 * len(piece) if unspaced(piece) else len(piece)


def _without_options(piece: str) -> str:
    """The stem of a multiple-choice question."""
    lines = piece.split("\n")
    return piece if is_option(lines[0]) else "\n".join(line for line in lines if not is_option(line[:40]))


def _judge_asking(piece: str, texts: list[str], asking: list[bool]) -> Cue:
    """The cue of a piece with a question mark in it: a question, an aside, or (answered) neither."""
    last = len(asking) - 1 - asking[::-1].index(True)
    after = texts[last + 1 :]
    if sum(map(_size, after)) > ANSWER and not (is_imperative(after[0]) or is_speaker_line(after[-1])):
        return Cue.NONE
    lead = sum(map(_size, texts[: asking.index(True)]))
    opens = is_imperative(texts[0]) or opens_with_question_word(texts[0])
    if _size(piece) <= BRIEF or (lead <= LONG and opens) or (asking[0] and _size(texts[0]) <= LONG):
        return Cue.QUESTION
    return Cue.ASIDE if asking[-1] else Cue.NONE


def _judge_unmarked(piece: str, texts: list[str]) -> Cue:
    """The cue of a piece without question mark or imperative."""
    first = texts[0]
    stops = _STOP.search(piece) is not None
    # "When the war ended, he went home." is prose; "What did the government do." is a question.
    if (
        opens_with_question_word(first)
        and len(texts) <= 3
        and (_INVERTED.match(first) if stops else _size(first) <= LONG)
    ):
        return Cue.WH
    if stops or _size(piece) > BRIEF or "\n" in piece:
        return Cue.NONE
    if pattern(_LEXICON, "interrogative", "inside").search(piece):
        return Cue.WH
    return Cue.KEYWORDS if piece[0].islower() and 3 <= len(piece.split()) <= 30 else Cue.NONE
