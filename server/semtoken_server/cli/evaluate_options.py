"""Reads the lists among the options of `semtoken eval`, and turns bad input into one line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer
from semtoken.errors import EncoderError, EngineError, InvalidOptionError, SemTokenError
from semtoken.evaluation.methods import require_known

_BAD_INPUT, _FAULT = 2, 1
_MAX_RATIO = 20.0


def ratios(text: str) -> tuple[float, ...]:
    """Comma-separated ratios above 1 and up to 20, rising; raises ``InvalidOptionError``."""
    values: list[float] = []
    for part in text.split(","):
        try:
            value = float(part)
        except ValueError as error:
            raise InvalidOptionError(f"--ratio: {part!r} is not a number", param="ratio") from error
        if not 1.0 < value <= _MAX_RATIO or not math.isfinite(value):
            raise InvalidOptionError(f"--ratio: {part.strip()} is not above 1 and at most 20", param="ratio")
        values.append(value)
    return tuple(sorted(set(values)))


def names(text: str) -> list[str]:
    """Comma-separated method names; raises ``InvalidOptionError`` for one that does not exist."""
    found = unique([part.strip() for part in text.split(",") if part.strip()])
    require_known(found)
    return found


def unique(items: Sequence[str]) -> list[str]:
    """The items in their order, each once."""
    return list(dict.fromkeys(items))


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Exit with status 2 for bad input and 1 where an engine or encoder failed, after one line on stderr."""
    try:
        yield
    except SemTokenError as error:
        line = " ".join(str(error).split())
        typer.echo(f"semtoken eval: {line}", err=True)
        failed = isinstance(error, EngineError | EncoderError)
        raise typer.Exit(_FAULT if failed else _BAD_INPUT) from error
