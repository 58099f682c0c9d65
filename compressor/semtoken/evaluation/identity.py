"""What makes two runs the same: outcomes of one may stand in the other's report."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import orjson

from semtoken.evaluation.datasets import Corpus, DataSet
from semtoken.evaluation.lm import LmSettings
from semtoken.evaluation.methods import Method
from semtoken.evaluation.qa import QaSettings
from semtoken.tokenizer import ServedTokenizer

_DIGITS = 16


def run_identity(
    data: Sequence[DataSet] | Sequence[Corpus],
    methods: Sequence[Method],
    settings: QaSettings | LmSettings,
    tokenizer: ServedTokenizer,
    **other: Any,
) -> dict[str, Any]:
    """A run as plain JSON data; ``other`` is what else its outcomes depend on (model, encoder, device)."""
    return {
        "version": library_version(),
        "data": {part.name: _digest([orjson.dumps(part)]) for part in data},
        "methods": [method.name for method in methods],
        "settings": orjson.loads(orjson.dumps(settings)),
        "tokenizer": tokenizer.fingerprint[:_DIGITS],
        **other,
    }


def library_version() -> str:
    """The library's version with a digest of its source: an edited one may compress otherwise."""
    sources = sorted(_sources(files("semtoken"), "semtoken"))
    return f"{version('semtoken')}+{_digest(part for source in sources for part in source)}"


def _sources(folder: Traversable, name: str) -> Iterable[tuple[bytes, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _sources(entry, f"{name}/{entry.name}")
        elif entry.name.endswith((".py", ".toml")):
            yield f"{name}/{entry.name}".encode(), entry.read_bytes()


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:_DIGITS]
