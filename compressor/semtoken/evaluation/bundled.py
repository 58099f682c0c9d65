"""The public-domain documents and questions that ship with the package; see ``data/README.md``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

import orjson

BUNDLED = "bundled"
"""Given in place of a file name, stands for the bundled set."""

_DATA = files("semtoken.evaluation") / "data"
_PROCEEDINGS = (
    "Workshop on Electronic Texts: Proceedings, edited by James Daly, Library of Congress, 9-10 June 1992; "
    "a work of the United States Government in the public domain"
)
_ALICE = "Lewis Carroll, Alice's Adventures in Wonderland, 1865; in the public domain"
_FROM_ALICE = ("pig-and-pepper", "mad-tea-party", "alice-chapters-6-and-7")
# One that the small model can answer from the whole document; at most of the set it fails.
_DEMO_ID = "bundled/show-and-tell/4"


class Demo(NamedTuple):
    """A document, a question about it, the answer that stands in it verbatim, and where it is from."""

    document: str
    question: str
    answer: str
    source: str


def bundled_demo() -> Demo:
    """A document of about 4,100 tokens whose answer stands at neither end, as shown by ``make demo``."""
    record = next(record for record in bundled_records() if record["id"] == _DEMO_ID)
    return Demo(record["context"], record["question"], record["answers"][0], record["source"])


def bundled_records() -> Iterator[Mapping[str, Any]]:
    """The bundled questions in the schema of a QA file, each with its document as context."""
    documents = {path.name.removesuffix(".txt"): path for path in _texts("documents")}
    for line in (_DATA / "questions.jsonl").read_bytes().splitlines():
        question = orjson.loads(line)
        name = question["document"]
        yield {
            "id": question["id"],
            "task": BUNDLED,
            "context": documents[name].read_text(encoding="utf-8"),
            "question": question["question"],
            "answers": question["answers"],
            "source": _source(name),
        }


def bundled_texts() -> tuple[str, ...]:
    """The bundled texts for language modelling, in the order of their names."""
    return tuple(path.read_text(encoding="utf-8") for path in _texts("text"))


def bundled_structured() -> dict[str, str]:
    """The bundled log, JSON document and Markdown page with code, by file name."""
    found = sorted((_DATA / "structured").iterdir(), key=lambda path: path.name)
    return {path.name: path.read_text(encoding="utf-8") for path in found}


def _texts(folder: str) -> list[Traversable]:
    return sorted((path for path in (_DATA / folder).iterdir() if path.name.endswith(".txt")), key=lambda p: p.name)


def _source(name: str) -> str:
    return _ALICE if name in _FROM_ALICE else _PROCEEDINGS
