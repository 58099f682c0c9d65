"""What must be true of every compressed text, checked on the text itself.

Each check yields findings: what was looked at, and whether it held. Nothing here trusts the spans and
scores that a result explains itself with; atoms and log lines are found anew in the original.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import orjson
from drain3 import TemplateMiner
from drain3.template_miner_config import TemplateMinerConfig

from semtoken.datamodels import CompressionResult, UnitKind
from semtoken.segment import segment


class Check(StrEnum):
    """What is checked, in the words of the report."""

    PINNED = "pinned strings present"
    KEPT = "text is its kept ranges"
    ATOMS = "atomic strings whole or gone"
    NUMBERS = "numbers as in the original"
    JSON = "JSON still valid"
    FENCES = "kept fenced code identical"
    TEMPLATES = "log templates still present"
    FIELDS = "messages' other fields as they were"
    RATIO = "ratio reached"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    check: Check
    held: bool
    what: str
    """The thing, for the report of what did not hold."""


KEPT_TOLERANCE = 0.02
MIN_TOKENS = 512
"""Shorter texts are of so few units that no ratio is promised."""

_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
# Opening and closing line of a fence (CommonMark 4.5), also where lines end in CR LF.
_FENCE = re.compile(
    r"^[ ]{0,3}(?P<mark>`{3,}(?=[^`\n]*$)|~{3,})[^\n]*\n(?:.*?\n)??[ ]{0,3}(?P=mark)[`~]*[ \t]*\r?$",
    re.MULTILINE | re.DOTALL,
)
_LOG_SHARE = 0.5
_MOST_ALONE = 0.5


def check_result(result: CompressionResult, pins: Sequence[str], ratio: float) -> Iterator[Finding]:
    """Everything that is checked of one text; ``pins`` are strings that had to stay."""
    yield from check_pins(result.text, pins)
    joined = "".join(result.original[start:end] for start, end in result.kept)
    yield Finding(Check.KEPT, joined == result.text, "ranges")
    for check in _CHECKS:
        yield from check(result, pins)
    if result.original_tokens >= MIN_TOKENS:
        kept = result.compressed_tokens / result.original_tokens
        told = f"{result.reason}, kept {kept:.3f} of {result.original_tokens} tokens"
        yield Finding(Check.RATIO, kept <= 1 / ratio + KEPT_TOLERANCE, told)


def check_pins(text: str, pins: Sequence[str]) -> Iterator[Finding]:
    """Whether each pin stands in the text."""
    return (Finding(Check.PINNED, pin in text, pin) for pin in pins)


def _atoms(result: CompressionResult, pins: Sequence[str]) -> Iterator[Finding]:
    """An atom of the original lies within one stretch that was kept, or outside all."""
    kept = np.array(_stretches(result.kept), dtype=np.int64).reshape(-1, 2)
    for start, end in segment(result.original, protect=pins).atoms.tolist():
        touched = (kept[:, 0] < end) & (kept[:, 1] > start)
        whole = (kept[:, 0] <= start) & (kept[:, 1] >= end)
        yield Finding(Check.ATOMS, not touched.any() or bool(whole.any()), result.original[start:end])


def _stretches(kept: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Kept ranges, those that touch joined."""
    stretches: list[tuple[int, int]] = []
    for start, end in kept:
        if stretches and stretches[-1][1] == start:
            stretches[-1] = stretches[-1][0], end
        else:
            stretches.append((start, end))
    return stretches


def _numbers(result: CompressionResult, pins: Sequence[str]) -> Iterator[Finding]:
    """No number that the original does not have: none cut, none run together with its neighbour."""
    known = frozenset(_NUMBER.findall(result.original))
    return (Finding(Check.NUMBERS, number in known, number) for number in _NUMBER.findall(result.text))


def _json(result: CompressionResult, pins: Sequence[str]) -> Iterator[Finding]:
    if result.original.lstrip()[:1] in ("{", "[") and _is_json(result.original):
        yield Finding(Check.JSON, _is_json(result.text), result.text[:80])


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _fences(result: CompressionResult, pins: Sequence[str]) -> Iterator[Finding]:
    known = frozenset(match[0] for match in _FENCE.finditer(result.original))
    return (Finding(Check.FENCES, match[0] in known, match[0][:80]) for match in _FENCE.finditer(result.text))


def _templates(result: CompressionResult, pins: Sequence[str]) -> Iterator[Finding]:
    """In a log, every template (Drain3, with its defaults) has a line that stands in the text.

    Where most lines are alone of their template it is no log, but say a transcript with time stamps.
    """
    units = segment(result.original)
    if not len(units) or float(np.mean(units.kinds[units.content] == UnitKind.LOG_LINE)) < _LOG_SHARE:
        return
    lines = _lines_at(result.original, units.starts[units.kinds == UnitKind.LOG_LINE].tolist())
    miner = TemplateMiner(config=TemplateMinerConfig())
    ids = [int(miner.add_log_message(line)["cluster_id"]) for line in lines]
    if sum(size == 1 for size in Counter(ids).values()) > _MOST_ALONE * len(lines):
        return
    left = frozenset(line.strip() for line in result.text.splitlines())
    present = {template for template, line in zip(ids, lines, strict=True) if line in left}
    first = dict(zip(reversed(ids), reversed(lines), strict=True))
    for template in sorted(first):
        yield Finding(Check.TEMPLATES, template in present, first[template])


def _lines_at(text: str, starts: Sequence[int]) -> list[str]:
    """The whole lines that hold these offsets, each once: a long line is of several units."""
    bounds = dict.fromkeys((text.rfind("\n", 0, start) + 1, text.find("\n", start)) for start in starts)
    return [text[begin : end if end >= 0 else None].strip() for begin, end in bounds]


_CHECKS: tuple[Callable[[CompressionResult, Sequence[str]], Iterator[Finding]], ...] = (
    _atoms,
    _numbers,
    _json,
    _fences,
    _templates,
)
