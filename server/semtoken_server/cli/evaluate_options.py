"""Reads the lists among the options of `semtoken eval`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from semtoken.errors import InvalidOptionError
from semtoken.evaluation.ablation import require_stages
from semtoken.evaluation.bundled import BUNDLED
from semtoken.evaluation.methods import require_known

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
    found = _listed(text)
    require_known(found)
    return found


def stages(text: str) -> list[str]:
    """Comma-separated names of stages; raises ``InvalidOptionError`` for one that does not exist."""
    found = _listed(text)
    require_stages(found)
    return found


def sources(data: Sequence[str] | None, more: Sequence[str] | None) -> list[str]:
    """The data files of both spellings, each once; the bundled set where there are none."""
    return unique([*(data or ()), *(more or ())]) or [BUNDLED]


def unique(items: Sequence[str]) -> list[str]:
    """The items in their order, each once."""
    return list(dict.fromkeys(items))


def _listed(text: str) -> list[str]:
    return unique([part.strip() for part in text.split(",") if part.strip()])
