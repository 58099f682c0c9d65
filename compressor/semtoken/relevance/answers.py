"""Which units hold the kind of thing that a question asks for: somebody's name, a date, a number."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from itertools import starmap

import numpy as np

from semtoken.datamodels import FloatArray, Segmentation

KINDS = ("name", "date", "number")
MOST_NAMES = 3
"""Names beyond these say nothing more."""

_NAME = re.compile(r"\w[\w'’-]*")
_YEAR = re.compile(r"(?<!\d)(?:1\d{3}|20\d{2})(?!\d)")
_DIGIT = re.compile(r"\d")
_SPACELESS = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def answer_kinds(segmentation: Segmentation, question: str) -> tuple[FloatArray, ...]:
    """For each of :data:`KINDS`, how much of it each unit holds, (n,); zeros where the question does not ask for it.

    Names are capitalised words, the first of a unit and those of the question aside; of dates a year
    counts twice as much as another number; a number in digits counts twice as much as one in words.
    """
    wanted = asked_for(question)
    columns = {kind: np.zeros(len(segmentation), dtype=np.float32) for kind in KINDS}
    if wanted:
        known = frozenset(_NAME.findall(question.casefold()))
        spans = zip(segmentation.starts.tolist(), segmentation.ends.tolist(), strict=True)
        units = list(starmap(lambda start, end: segmentation.text[start:end], spans))
        for kind in wanted:
            columns[kind][:] = [_holds(kind, unit, known) for unit in units]
    return tuple(columns[kind] for kind in KINDS)


def asked_for(question: str) -> list[str]:
    """The kinds that the words of a question ask for, in the order of :data:`KINDS`."""
    return [kind for kind in KINDS if _patterns()[kind].search(question)]


def _holds(kind: str, unit: str, known: frozenset[str]) -> float:
    if kind == "name":
        words = _NAME.findall(unit)[1:]
        return float(min(MOST_NAMES, sum(word[0].isupper() and word.casefold() not in known for word in words)))
    if kind == "date":
        return 1.0 if _YEAR.search(unit) else 0.5 * bool(_DIGIT.search(unit))
    return 1.0 if _DIGIT.search(unit) else 0.5 * bool(_patterns()["words"].search(unit))


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    lists = tomllib.loads(resources.files(__package__).joinpath("answers.toml").read_text(encoding="utf-8"))
    return {name: _pattern(words) for name, words in {**lists["asks"], **lists["numbers"]}.items()}


def _pattern(words: list[str]) -> re.Pattern[str]:
    alternatives = [re.escape(word) if _SPACELESS.search(word) else rf"\b{re.escape(word)}\b" for word in words]
    return re.compile("|".join(alternatives), re.IGNORECASE)
