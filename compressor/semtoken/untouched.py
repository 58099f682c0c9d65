"""Results for texts that are forwarded as they came, but for keep tags."""

from __future__ import annotations

import itertools

import numpy as np

from semtoken.analysis import Analysis
from semtoken.cluster import unclustered
from semtoken.datamodels import CompressionResult, Decision, FloatArray, Reason, Scores, Span, Status, UnitKind
from semtoken.explain import explain
from semtoken.realise import kept_ranges
from semtoken.segment import outside_keep_tags
from semtoken.tokenizer import ServedTokenizer


def untouched(
    analysis: Analysis, tokenizer: ServedTokenizer, reason: Reason, timings: dict[str, float] | None = None
) -> CompressionResult:
    """The result for an analysed text, with its units as spans."""
    segmentation = analysis.segmentation
    n = len(segmentation)
    zeros: FloatArray = np.zeros(n, dtype=np.float32)
    keep = segmentation.kinds != UnitKind.TAG
    ranges = kept_ranges(segmentation.starts, segmentation.ends, keep)
    kept = tuple((start, end) for start, end in ranges.tolist())
    ids = analysis.tokenized.ids.tolist() if keep.all() else tokenizer.ids(_joined(segmentation.text, kept))
    return CompressionResult(
        original=segmentation.text,
        text=_joined(segmentation.text, kept),
        token_ids=tuple(ids),
        original_tokens=analysis.tokens,
        status=Status.SKIPPED,
        reason=reason,
        spans=explain(segmentation, unclustered(n), Scores(zeros, zeros, zeros), keep, frozenset()),
        kept=kept,
        timings_ms=timings or {**analysis.timings_ms, "total": sum(analysis.timings_ms.values())},
    )


def left_alone(text: str, tokenizer: ServedTokenizer, reason: Reason, *, keep_tags: bool) -> CompressionResult:
    """The result for a text that is not looked at; with ``keep_tags`` its tags are taken out all the same."""
    kept = outside_keep_tags(text) if keep_tags else [(0, len(text))] if text else []
    edges = sorted({0, len(text), *(edge for pair in kept for edge in pair)})
    pairs, stays = list(itertools.pairwise(edges)), set(kept)
    forwarded = _joined(text, kept)
    ids = tuple(tokenizer.ids(forwarded))
    return CompressionResult(
        original=text,
        text=forwarded,
        token_ids=ids,
        original_tokens=len(ids) if forwarded == text else tokenizer.count(text),
        status=Status.OFF if reason is Reason.MODE_OFF else Status.SKIPPED,
        reason=reason,
        spans=tuple(Span(a, b, Decision.KEEP if (a, b) in stays else Decision.DROP, 0.0, 0.0) for a, b in pairs),
        kept=tuple(kept),
        timings_ms={},
    )


def _joined(text: str, ranges: list[tuple[int, int]] | tuple[tuple[int, int], ...]) -> str:
    return "".join(text[start:end] for start, end in ranges)
