"""What was recalled of a prompt into that prompt itself, told in its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from semtoken.datamodels import CompressionResult, Decision, Span

_LOST = (Decision.DROP, Decision.MERGE)


def with_recalled(result: CompressionResult, texts: Sequence[str]) -> CompressionResult:
    """``result`` with ``texts``, dropped units of its own original in their order, among what is kept."""
    ranges = _ranges(result, texts)
    spans = list(result.spans)
    for number, span in enumerate(spans):
        if span.decision in _LOST and any(_shares(result.original, span, start, end) for start, end in ranges):
            spans[number] = replace(span, decision=Decision.KEEP)
    return replace(result, spans=tuple(spans), kept=tuple(sorted({*result.kept, *ranges})))


def _ranges(result: CompressionResult, texts: Sequence[str]) -> list[tuple[int, int]]:
    """Where the texts stand: each begins, but for white space, where a unit that was dropped does."""
    found: list[tuple[int, int]] = []
    waiting = list(reversed(texts))
    for span in result.spans:
        start = span.end - len(result.original[span.start : span.end].lstrip())
        if waiting and span.decision in _LOST and result.original.startswith(waiting[-1], start):
            found.append((start, start + len(waiting.pop())))
    return found


def _shares(original: str, span: Span, start: int, end: int) -> bool:
    """Whether a span has more in common with a range than white space."""
    return bool(original[max(span.start, start) : min(span.end, end)].strip())
