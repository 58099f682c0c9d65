"""Outcomes kept in a file as they are made, so that a run that was cut off goes on where it stopped.

The file is JSON lines: first ``{"run": {...}}``, which says what run it is, then one
``{"step": [...], "outcomes": [...]}`` for each example or window, written when it is done. A last
line that was cut off in the middle is dropped.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import orjson

from semtoken.errors import InvalidInputError

Step = tuple[str, ...]
Run = Mapping[str, Any]

_Outcome = TypeVar("_Outcome")
_SHOWN = 40


class Record(Protocol):
    """Where the outcomes of a run come from."""

    def outcomes(self, step: Step, kind: type[_Outcome], make: Callable[[], Iterable[_Outcome]]) -> list[_Outcome]:
        """The outcomes (dataclass ``kind``) of one step: those of an earlier run, or else what ``make`` gives."""


class Unrecorded:
    """Makes every outcome and keeps none."""

    def outcomes(self, step: Step, kind: type[_Outcome], make: Callable[[], Iterable[_Outcome]]) -> list[_Outcome]:
        """What ``make`` gives."""
        return list(make())


UNRECORDED = Unrecorded()


class Journal:
    """A record in a file."""

    def __init__(self, path: Path, run: Run) -> None:
        """Open ``path`` for ``run``, which is plain JSON data; a file that is not there is begun.

        Raises ``InvalidInputError`` when the file is another run's, no journal, or cannot be opened.
        """
        self._done: dict[Step, list[dict[str, Any]]] = {}
        try:
            # Unbuffered: a step that is written is kept, whatever happens to this process.
            self._file = open(path, "ab+", buffering=0)  # noqa: SIM115 - closed by __exit__
            self._file.seek(0)
            lines = self._file.read()
        except OSError as error:
            raise InvalidInputError(f"{path}: cannot be opened ({error.strerror})", param="resume") from error
        whole = lines.rfind(b"\n") + 1
        try:
            self._read(path, lines[:whole].splitlines(), run)
        except InvalidInputError:
            self._file.close()
            raise
        if whole < len(lines):
            self._file.truncate(whole)
        if not whole:
            self._write({"run": run})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def outcomes(self, step: Step, kind: type[_Outcome], make: Callable[[], Iterable[_Outcome]]) -> list[_Outcome]:
        """What the file has of this step, or else what ``make`` gives, written into the file."""
        known = self._done.get(step)
        if known is not None:
            return [kind(**{name: _frozen(value) for name, value in record.items()}) for record in known]
        made = list(make())
        self._write({"step": step, "outcomes": made})
        return made

    def _read(self, path: Path, lines: list[bytes], run: Run) -> None:
        for number, line in enumerate(lines, 1):
            try:
                entry = orjson.loads(line)
                if number == 1:
                    _require_same(path, entry["run"], orjson.loads(orjson.dumps(run)))
                else:
                    self._done[tuple(entry["step"])] = entry["outcomes"]
            except (orjson.JSONDecodeError, KeyError, TypeError) as error:
                raise InvalidInputError(
                    f"{path}:{number}: no line of an evaluation's journal; give --resume another file", param="resume"
                ) from error

    def _write(self, entry: Mapping[str, Any]) -> None:
        rest = orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
        while rest:
            rest = rest[os.write(self._file.fileno(), rest) :]


def _require_same(path: Path, before: Mapping[str, Any], now: Run) -> None:
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if names:
        differences = "; ".join(f"{name} {_short(before.get(name))}, now {_short(now.get(name))}" for name in names)
        raise InvalidInputError(f"{path} is of another run and cannot be continued: {differences}", param="resume")


def _short(value: object) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
