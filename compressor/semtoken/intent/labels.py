"""Labels that name what follows them: "Question:", "## Frage", "**Answer:**", "<query>"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from semtoken.intent.lexicon import alternation, load, pattern

_LEXICON = "questions.toml"
_OPEN = r"[ \t>\-]*(?:#{1,6}[ \t]*)?[*_\[【«(\"]{0,3}[ \t]*"
_CLOSE = r"[ \t]*[*_\]】»)\"]{0,3}[ \t]*"
_NUMBER = r"(?:[ \t]*(?:no\.?|nr\.?|#)?[ \t]*\d{1,3}|[ \t]*\([^)\n]{0,40}\))?"
_COLON = r"[:：﹕][*_]{0,3}[ \t]*"
_TEMPLATE_TOKEN = re.compile(
    r"(?:<\|[^|<>\n]{1,40}\|>(?:assistant|model|user|system)?|</?s>|\[/?INST\]|<(?:start|end)_of_turn>(?:model|user)?|<think>)\s*$"
)
_BARE_LABEL = re.compile(r"^[^\n:：.?!。？！]{1,60}[:：][*_\s]*$")
MAX_ELEMENT = 4_000
_RULE = re.compile(r"^[-=*_#~\s]{2,}$|^[\"'`]{3,}$|^</?[\w:-]{1,40}>$")


@dataclass(frozen=True, slots=True)
class Label:
    """A label at ``text[start:end]`` (its colon and mark-up included) and what it names."""

    kind: str
    """``question``, ``task``, ``chat``, ``answer`` or ``context``."""
    start: int
    end: int


@cache
def _line_label(kind: str) -> re.Pattern[str]:
    words = alternation(load(_LEXICON)["labels"][kind])
    named = rf"{_OPEN}{words}{_NUMBER}{_CLOSE}(?:{_COLON}|$)"
    numbered = rf"{_OPEN}{words}[ \t]+\d{{1,3}}[.)][ \t]+"
    letter = {"question": "Q", "answer": "A", "chat": "U"}.get(kind)
    short = rf"|{_OPEN}{letter}[ \t]*\d{{0,3}}{_CLOSE}{_COLON}" if letter else ""
    return re.compile(rf"(?:{named}|{numbered}{short})", re.IGNORECASE)


@cache
def _inline_label(kind: str) -> re.Pattern[str]:
    names = load(_LEXICON)["labels"]
    words = alternation(word for word in names[kind] if word not in names["line_only"])
    return re.compile(rf"(?<![^\s.?!。？！\"”])(?:[*_]{{0,2}}{words}[*_]{{0,2}}\s?[:：][*_]{{0,2}}\s*)", re.IGNORECASE)


@cache
def _tag() -> re.Pattern[str]:
    names = "|".join(load(_LEXICON)["tags"]["words"])
    return re.compile(rf"<(?:(?P<open>{names})(?:\s[^<>\n]{{0,80}})?|/(?P<close>{names}))>", re.IGNORECASE)


def line_label(text: str, start: int, end: int) -> Label | None:
    """The label that opens the line ``text[start:end]``, if there is one."""
    line = text[start : min(end, start + 200)]
    for kind in ("question", "answer", "context", "task", "chat"):
        match = _line_label(kind).match(line)
        if match and match.end():
            return Label(kind, start, start + match.end())
    return None


def inline_labels(kind: str, text: str, start: int, end: int) -> list[Label]:
    """Labels of ``kind`` anywhere in ``text[start:end]``, for prompts written on one line."""
    return [Label(kind, m.start(), m.end()) for m in _inline_label(kind).finditer(text, start, end)]


def is_bare_label(line: str) -> bool:
    """Whether a line is a label and nothing else ("Next line of code:")."""
    return _BARE_LABEL.match(line) is not None


def is_rule(line: str) -> bool:
    """Whether a line only separates: a rule, a run of quotes, a lone tag."""
    return _RULE.match(line) is not None


def template_token(text: str, start: int, end: int) -> int:
    """Where the chat-template token that ends ``text[start:end]`` begins; ``end`` if none does."""
    match = _TEMPLATE_TOKEN.search(text, max(start, end - 80), end)
    return match.start() if match else end


def tagged(text: str, start: int, end: int) -> list[tuple[int, int, int, int]]:
    """Question elements in ``text[start:end]``: outer start and end, inner start and end without white space.

    An element ends with the first closing tag of its name, and holds at most ``MAX_ELEMENT`` characters. Tags
    are paired from their places alone: a pattern over whole elements would read on from every opening tag.
    """
    tags = list(_tag().finditer(text, start, end))
    closing: dict[str, list[re.Match[str]]] = {}
    for tag in reversed(tags):
        if tag["close"]:
            closing.setdefault(tag["close"].lower(), []).append(tag)
    found: list[tuple[int, int, int, int]] = []
    position = start
    for tag in tags:
        if not tag["open"] or tag.start() < position:
            continue
        closers = closing.get(tag["open"].lower(), [])
        while closers and closers[-1].start() < tag.end():
            closers.pop()
        if closers and closers[-1].start() - tag.end() <= MAX_ELEMENT:
            inner = text[tag.end() : closers[-1].start()]
            begin = tag.end() + len(inner) - len(inner.lstrip())
            if inner.strip():
                found.append((tag.start(), closers[-1].end(), begin, begin + len(inner.strip())))
                position = closers[-1].end()
    return found


def announces(line: str) -> bool:
    """Whether a line says that a piece of the question follows ("The following is an abstract.")."""
    return pattern(_LEXICON, "labels", "announce", "^{}").match(line) is not None
