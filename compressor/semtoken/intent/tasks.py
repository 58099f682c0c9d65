"""Whether a request needs the whole text: what the classifier says of it, or the phrase lists of ``tasks.toml``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from semtoken.intent import whole_text
from semtoken.intent.cues import is_option, opens_with_question_word
from semtoken.intent.lexicon import load

MAX_REQUEST = 4_000
"""Characters read at either end of a request."""
MAX_SENTENCE = 500
_SENTENCE = re.compile(r"[^.!?。！？\n]+(?:[.!?](?=\S)[^.!?。！？\n]*)*[.!?。！？]*")
_CLAUSE = re.compile(
    r"[,;，；、:：]\s*|\s(?:and|then|und|dann|et|puis|y|luego|e|poi|и|затем)\s|(?:并|然后|再)", re.IGNORECASE
)
_NEVER = r"(?!)"


@dataclass(frozen=True, slots=True)
class _Language:
    """The compiled lexicon of one language."""

    opening: re.Pattern[str]
    """Anchored at the start of a clause."""
    anywhere: re.Pattern[str]
    polite: re.Pattern[str]
    """The opening of a request put as a question."""
    veto: re.Pattern[str]

    @classmethod
    def compile(cls, table: dict[str, Any]) -> _Language:
        """Build the patterns from a table of ``tasks.toml`` (its header explains the keys)."""
        lead = rf"^[\W_]*(?:{_any(table['lead'])}(?:[\W_]+|(?<=[\u3400-\u9fff])))*"
        spare = rf"(?!\W{{0,3}}{_any(table['spare'])})"
        end = r"(?:(?!\w)|(?<=[\u3400-\u9fff]))"
        forms = [
            *table["openings"],
            rf"{_any(table['alone'])}{end}{spare}",
            rf"{_any(table['verbs'])}{end}{spare}\W{{0,3}}(?:[\w'’-]+ )?{_any(table['objects'])}",
            rf"{_any(table['request'])}{table['gap']}{_any(table['infinitives'])}{end}",
        ]
        return cls(
            re.compile(lead + _any(forms), re.IGNORECASE),
            re.compile(_any(table["anywhere"]), re.IGNORECASE),
            re.compile(
                rf"^[\W_]*{_any([*table['lead'], *table['request']])}(?:\W|$|(?<=[\u3400-\u9fff]))", re.IGNORECASE
            ),
            re.compile(_any(table.get("veto", [])), re.IGNORECASE),
        )

    def wants_whole(self, sentence: str, clauses: Sequence[str]) -> bool:
        """Whether a sentence, or one of its clauses when it is no question of fact, asks for it."""
        if self.anywhere.search(sentence):
            return True
        if self.veto.search(sentence):
            return False
        return any(self.opening.match(clause) for clause in (sentence, *clauses))


def whole_text_task(intent_text: str) -> bool:
    """Whether the request (question and instructions, never the document) needs every word.

    Summaries and questions of fact do not, "how many" in the world included; counting words or
    occurrences in the text does.
    """
    text = _bounded(intent_text)
    lines = [line for line in text.splitlines() if not _is_choice(line)]
    if whole_text.score("\n".join(lines)) >= 0.0:
        return True
    return any(
        language.wants_whole(sentence, clauses) for sentence, clauses in _sentences(lines) for language in _languages()
    )


def _bounded(text: str) -> str:
    return text if len(text) <= 2 * MAX_REQUEST else f"{text[:MAX_REQUEST]}\n{text[-MAX_REQUEST:]}"


def _sentences(lines: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """Sentences of the request with their clauses."""
    for line in lines:
        for match in _SENTENCE.finditer(line):
            sentence = match.group().strip()[:MAX_SENTENCE]
            if sentence:
                yield sentence, _clauses(sentence)


def _clauses(sentence: str) -> Sequence[str]:
    """Later clauses that may hold a further request; a question of fact holds none."""
    polite = any(language.polite.match(sentence) for language in _languages())
    asks = sentence[-1] in "?？" or opens_with_question_word(sentence)
    return () if asks and not polite else [c for c in _CLAUSE.split(sentence)[1:] if c.strip()]


def _is_choice(line: str) -> bool:
    """Choices carry letters; numbered lines may be steps of an instruction and are read."""
    return is_option(line) and not line.lstrip(" \t-*•([（")[:1].isdigit()


@cache
def _languages() -> tuple[_Language, ...]:
    return tuple(_Language.compile(table) for table in load("tasks.toml").values())


def _any(patterns: Sequence[str]) -> str:
    return f"(?:{'|'.join(patterns)})" if patterns else _NEVER
