"""Texts and chats to compress for their own sake: what the invariants are measured on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from semtoken.errors import InvalidInputError
from semtoken.evaluation.bundled import BUNDLED, bundled_records, bundled_structured
from semtoken.evaluation.datasets import dataset_name, load_corpus, parse_example, records
from semtoken.evaluation.hub import is_text
from semtoken.evaluation.protocol import sample


@dataclass(frozen=True, slots=True)
class Subject:
    """A text with the question asked of it, or a chat."""

    id: str
    text: str = field(default="", repr=False)
    question: str = ""
    messages: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class SubjectSet:
    """The subjects taken from one file."""

    name: str
    subjects: tuple[Subject, ...] = field(repr=False)


def load_subjects(source: str | Path, *, limit: int | None = None, seed: int = 0) -> SubjectSet:
    """Read a file of questions, of chats (``{"id", "messages"}`` a line) or of texts, or the bundled texts.

    ``limit`` subjects are drawn by ``seed``. Raises ``InvalidInputError`` for what does not fit.
    """
    found = _bundled() if source == BUNDLED else _from_file(source)
    return SubjectSet(dataset_name(source), tuple(sample(found, limit, seed)))


def _bundled() -> list[Subject]:
    asked = {str(record["context"]): record for record in bundled_records()}
    prose = [Subject(str(record["id"]), text, str(record["question"])) for text, record in asked.items()]
    return [*prose, *(Subject(name, text) for name, text in bundled_structured().items())]


def _from_file(source: str | Path) -> list[Subject]:
    if is_text(source) or Path(source).name.removesuffix(".gz").endswith(".txt"):
        return [Subject(f"text {number}", text) for number, text in enumerate(load_corpus(source).documents, 1)]
    found = [_from_record(record, where) for where, record in records(source)]
    if not found:
        raise InvalidInputError(f"{source}: no text in it")
    return found


def _from_record(record: Any, where: str) -> Subject:
    if not isinstance(record, Mapping) or "messages" not in record:
        example = parse_example(record, where)
        return Subject(example.id, example.context, example.question)
    messages = record["messages"]
    if not isinstance(messages, list) or not messages or not all(isinstance(entry, dict) for entry in messages):
        raise InvalidInputError(f"{where}: 'messages' must be a list of one or more messages")
    return Subject(str(record.get("id", where)), messages=tuple(messages))
