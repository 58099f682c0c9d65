"""Summaries of long reports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from semtoken.evaluation.bundled import BUNDLED
from semtoken.evaluation.datasets import load_corpus

from loadtest.prompts.prompt import Conversation, Message, Prompt

NAME = "summarise"
FILE = Path("lm/gov_reports_en.txt.gz")
MAX_TOKENS = 96
_TASK = "Summarise the text above in five sentences."


def conversations(data: Path | None, max_chars: int) -> list[Conversation]:
    """One request for each stretch of nearly ``max_chars``; raises ``InvalidInputError`` for a bad file."""
    found: list[Conversation] = []
    for number, document in enumerate(load_corpus(BUNDLED if data is None else data / FILE).documents):
        for part, text in enumerate(_stretches(document, max_chars - len(_TASK) - 2)):
            messages: list[Message] = [{"role": "user", "content": f"{text}\n\n{_TASK}"}]
            found.append((Prompt(NAME, f"document-{number}/{part}", messages, MAX_TOKENS),))
    return found


def _stretches(document: str, size: int) -> Iterator[str]:
    """Whole lines of up to ``size`` characters; a rest of less than half of that is left out."""
    stretch = ""
    for line in document.splitlines(keepends=True):
        if len(stretch) + len(line) > size and len(stretch) >= size // 2:
            yield stretch.strip()
            stretch = ""
        stretch = (stretch + line)[:size]
    if len(stretch) >= size // 2:
        yield stretch.strip()
