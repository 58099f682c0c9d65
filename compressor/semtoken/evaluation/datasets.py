"""Questions and texts from files: JSON lines for question answering, plain text for language modelling.

A QA line is ``{"id", "task", "context", "question", "answers": [...]}``; other keys are ignored. A
text file holds documents separated by a line with a form feed; a WikiText file (no form feed, but
`` = Title = `` lines) is split at its article titles. Files ending in ``.gz`` are decompressed.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import textwrap
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson

from semtoken.errors import InvalidInputError
from semtoken.evaluation.bundled import BUNDLED, bundled_records, bundled_texts
from semtoken.evaluation.hub import PREFIX, Fetch, fetch, hub_questions, hub_text, on_hub
from semtoken.evaluation.protocol import sample

Split = Literal["all", "tune", "report"]

_FORM_FEED = re.compile(r"(?m)^\f[ \t]*\n?|\f")
_WIKITEXT_TITLE = re.compile(r"(?m)^ = [^=\n]+ = *$")


@dataclass(frozen=True, slots=True)
class Example:
    """One question about one context, with every answer that counts as right."""

    id: str
    task: str
    context: str = field(repr=False)
    question: str
    answers: tuple[str, ...]

    @property
    def split(self) -> Split:
        """``tune`` where the sha256 of the id is odd, ``report`` where it is even."""
        return "tune" if hashlib.sha256(self.id.encode()).digest()[-1] & 1 else "report"


@dataclass(frozen=True, slots=True)
class DataSet:
    """The examples taken from one file."""

    name: str
    examples: tuple[Example, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Corpus:
    """The documents of one text file."""

    name: str
    documents: tuple[str, ...] = field(repr=False)


def load_examples(
    source: str | Path, *, limit: int | None = None, seed: int = 0, split: Split = "all", fetched: Fetch = fetch
) -> DataSet:
    """Read a QA file, the bundled set for ``"bundled"``, or a set of the hub for ``"hub:NAME"``.

    ``limit`` examples are drawn without replacement by ``seed`` and kept in file order. Raises
    ``InvalidInputError`` with file and line for what does not fit the schema.
    """
    examples = [parse_example(record, where) for where, record in records(source, fetched)]
    _require_unique(examples, source)
    chosen = [example for example in examples if split in ("all", example.split)]
    if not chosen:
        raise InvalidInputError(f"{source}: no example in the split {split!r} (the file has {len(examples)})")
    return DataSet(name=dataset_name(source), examples=tuple(sample(chosen, limit, seed)))


def load_corpus(source: str | Path, *, fetched: Fetch = fetch) -> Corpus:
    """Read a text file, the bundled texts for ``"bundled"``, or a text of the hub for ``"hub:NAME"``.

    Raises ``InvalidInputError`` for a file that cannot be read, is not UTF-8, or holds no text.
    """
    if source == BUNDLED:
        documents = bundled_texts()
    else:
        documents = split_documents(hub_text(str(source), fetched) if on_hub(source) else _read_text(Path(source)))
    if not documents:
        raise InvalidInputError(f"{source}: no text in it")
    return Corpus(name=dataset_name(source), documents=tuple(documents))


def split_documents(text: str) -> tuple[str, ...]:
    """The documents of a text file, without empty ones."""
    if "\f" in text:
        parts = _FORM_FEED.split(text)
    else:
        starts = [match.start() for match in _WIKITEXT_TITLE.finditer(text)]
        parts = [text[i:j] for i, j in zip([0, *starts], [*starts, len(text)], strict=True)]
    return tuple(part for part in parts if part.strip())


def parse_example(record: Any, where: str) -> Example:
    """Check one parsed line; ``where`` (file and line) goes into the ``InvalidInputError``."""
    if not isinstance(record, Mapping):
        raise InvalidInputError(f"{where}: expected a JSON object, got {type(record).__name__}")
    answers = record.get("answers")
    if not isinstance(answers, list) or not answers or not all(isinstance(a, str) and a.strip() for a in answers):
        raise InvalidInputError(f"{where}: 'answers' must be a list of one or more texts, got {_short(answers)}")
    return Example(
        id=_text(record, "id", where),
        task=_text(record, "task", where),
        context=_text(record, "context", where),
        question=_text(record, "question", where),
        answers=tuple(answers),
    )


def records(source: str | Path, fetched: Fetch = fetch) -> Iterator[tuple[str, Any]]:
    """The parsed lines of a JSON-lines file, each with where it stands; raises ``InvalidInputError``."""
    if source == BUNDLED:
        yield from ((f"{BUNDLED}:{number}", record) for number, record in enumerate(bundled_records(), 1))
        return
    if on_hub(source):
        yield from hub_questions(str(source), fetched)
        return
    for number, line in enumerate(_read(Path(source)).split(b"\n"), 1):
        where = f"{source}:{number}"
        if not line.strip():
            continue
        try:
            yield where, orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise InvalidInputError(f"{where}: not JSON ({error})") from error


def dataset_name(source: str | Path) -> str:
    """A file's name without folder and endings, or a hub name without its prefix."""
    if on_hub(source):
        return str(source).removeprefix(PREFIX).replace("/", "_")
    name = Path(source).name
    for ending in (".gz", ".jsonl", ".json", ".txt"):
        name = name.removesuffix(ending)
    return name


def _text(record: Mapping[str, Any], name: str, where: str) -> str:
    value = record.get(name)
    if not isinstance(value, str) or not value.strip():
        raise InvalidInputError(f"{where}: {name!r} must be a text with something in it, got {_short(value)}")
    return value


def _short(value: object) -> str:
    return textwrap.shorten(repr(value), 60)


def _require_unique(examples: Sequence[Example], source: str | Path) -> None:
    seen: set[str] = set()
    for example in examples:
        if example.id in seen:
            raise InvalidInputError(f"{source}: the id {example.id!r} occurs twice")
        seen.add(example.id)


def _read_text(path: Path) -> str:
    try:
        return _read(path).decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path}: not UTF-8 ({error.reason} at byte {error.start})") from error


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInputError(f"{path}: cannot be read ({error})") from error
