"""Counts, over real texts and chats, of what compression promises never to break."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import numpy as np

from semtoken.errors import InvalidInputError
from semtoken.evaluation.checks import Check, Finding, check_pins, check_result
from semtoken.evaluation.methods.base import TextCompressor
from semtoken.evaluation.protocol import Progress, generator, silent
from semtoken.evaluation.recall import ChatCompressor
from semtoken.evaluation.subjects import Subject, SubjectSet
from semtoken.options import CompressionOptions

_SHOWN = 5
_PINS = 3
_TRIES = 50
_SEPARATORS = ",;: \t\r\n"
_PINNED = re.compile(r"\S+(?:\s+\S+){1,4}")
_MIN_PINNED_CHARS = 400
"""Shorter texts get no pin: it would be most of them."""
_PINNED_ROLES = ("user", "tool")


class Compressor(TextCompressor, ChatCompressor, Protocol):
    """The part of ``semtoken.Compressor`` that is checked."""


@dataclass(frozen=True, slots=True)
class InvariantSettings:
    """What one run checks."""

    ratios: tuple[float, ...] = (2.4,)
    seed: int = 0
    """Of the strings that are pinned."""


@dataclass(slots=True)
class Tally:
    """How often a check held on one data set at one ratio."""

    data: str
    check: Check
    ratio: float
    n: int = 0
    held: int = 0
    failures: list[str] = field(default_factory=list)
    """The first few that did not hold: subject and thing."""

    @property
    def broken(self) -> bool:
        """Whether something promised did not hold; a missed ratio has its reason and breaks nothing."""
        return self.held < self.n and self.check is not Check.RATIO

    def add(self, subject: str, finding: Finding) -> None:
        """Count one finding."""
        self.n += 1
        self.held += finding.held
        if not finding.held and len(self.failures) < _SHOWN:
            self.failures.append(f"{subject}: {finding.what}")

    def to_dict(self) -> dict[str, Any]:
        """The tally as a row of the JSON."""
        return {
            "data": self.data,
            "check": str(self.check),
            "ratio_asked": self.ratio,
            "n": self.n,
            "held": self.held,
            "failures": self.failures,
        }


def check_invariants(
    sets: Sequence[SubjectSet], compressor: Compressor, settings: InvariantSettings, progress: Progress = silent
) -> list[Tally]:
    """Compress every subject at every ratio, with strings of it pinned, and count what held.

    One tally for each data set, ratio and check of which there was something to look at. Raises
    ``InvalidInputError`` without a subject.
    """
    total, done = sum(len(part.subjects) for part in sets), 0
    if not total:
        raise InvalidInputError("there is no text to check", param="data")
    tallies: dict[tuple[str, float, Check], Tally] = {}
    for part in sets:
        for subject in part.subjects:
            progress(done, total, f"{part.name} {subject.id}")
            for ratio in settings.ratios:
                for finding in _findings(part.name, subject, compressor, ratio, settings.seed):
                    key = part.name, ratio, finding.check
                    tallies.setdefault(key, Tally(part.name, finding.check, ratio)).add(subject.id, finding)
            done += 1
    progress(done, total, "done")
    order = list(Check)
    names = [part.name for part in sets]
    return sorted(tallies.values(), key=lambda t: (names.index(t.data), t.ratio, order.index(t.check)))


def choose_pins(text: str, rng: np.random.Generator) -> list[str]:
    """Up to three short stretches that stand in the text once, one from each third; none of a short text."""
    if len(text) < _MIN_PINNED_CHARS:
        return []
    third = len(text) // _PINS
    found = (_once(text, number * third + int(rng.integers(third // 2)), third) for number in range(_PINS))
    return [pin for pin in found if pin]


def _once(text: str, start: int, reach: int) -> str | None:
    """The first stretch from ``start`` on that stands nowhere else: what is protected stays everywhere.

    Without the separators at its ends: a JSON comma goes with the element behind it, which is not asked for.
    """
    matches = islice(_PINNED.finditer(text, start, min(len(text), start + reach)), _TRIES)
    stretches = (match[0].strip(_SEPARATORS) for match in matches)
    return next((stretch for stretch in stretches if stretch and text.count(stretch) == 1), None)


def _findings(data: str, subject: Subject, compressor: Compressor, ratio: float, seed: int) -> Iterator[Finding]:
    rng = generator(seed, data, subject.id)
    if subject.messages:
        return _chat_findings(subject.messages, compressor, ratio, rng)
    pins = choose_pins(subject.text, rng)
    options = CompressionOptions(mode="force", ratio=ratio, protect=tuple(pins))
    return check_result(compressor.compress(subject.text, subject.question, options), pins, ratio)


def _chat_findings(
    messages: Sequence[Mapping[str, Any]], compressor: Compressor, ratio: float, rng: np.random.Generator
) -> Iterator[Finding]:
    pins = [
        choose_pins(content, rng) if message.get("role") in _PINNED_ROLES and isinstance(content, str) else []
        for message in messages
        for content in [message.get("content")]
    ]
    every = tuple(pin for own in pins for pin in own)
    result = compressor.compress_messages(messages, CompressionOptions(mode="force", ratio=ratio, protect=every))
    yield Finding(Check.FIELDS, len(result.messages) == len(messages), "number of messages")
    for number, (before, after, own) in enumerate(zip(messages, result.messages, pins, strict=False)):
        yield Finding(Check.FIELDS, _without_content(before) == _without_content(after), f"message {number}")
        yield from check_pins(str(after.get("content")), own)
    for part in result.parts:
        yield from check_result(part.result, [], ratio)


def _without_content(message: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != "content"}
