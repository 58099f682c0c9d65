"""Recall: what an earlier message dropped comes back, verbatim, before the question that needs it."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass

import numpy as np

from semtoken.analysis import Analysis
from semtoken.datamodels import BoolArray, Decision, FloatArray, Query, UnitKind
from semtoken.messages.result import PartResult
from semtoken.relevance import lexical_coverage, pooled_similarity, relevance

SHARE = 0.12
"""Tokens that one question may recall, as a share of the earlier messages' original tokens."""
REACH = 128
"""Earlier texts that a question recalls from, the last ones that lost something: otherwise the cost of a chat
would grow with the square of its turns."""
MIN_RELEVANCE = 1.0
"""Standard deviations above its message's mean that a span must stand to come back."""
MIN_SIMILARITY = 0.3
MIN_COVERAGE = 0.5
"""A span must also mean what the question means or carry half of its rare words, so that thanks
and small talk recall nothing."""

Known = MutableMapping[tuple[int, int | None, str], FloatArray]
"""What is known of the units of a text (its message and content part) for a query: see :func:`recall`."""


@dataclass(frozen=True, slots=True)
class Source:
    """An earlier text that was compressed."""

    analysis: Analysis
    outcome: PartResult
    gone: BoolArray
    """(n,) content units that stand nowhere in the forwarded chat so far."""
    asked: Sequence[tuple[int, int]] = ()
    """Where the text asks something, as ``PartPlan.asked``."""

    @property
    def key(self) -> tuple[int, int | None]:
        """Message and content part of the text."""
        return self.outcome.message, self.outcome.part


def source(
    analysis: Analysis, outcome: PartResult, asked: Sequence[tuple[int, int]] = (), *, before: int | None = None
) -> Source:
    """What may be recalled from a text; ``before`` limits it to units that end by that offset."""
    # A merged vector has not got the words; without vectors what is merged stands elsewhere word for word.
    lossy = (Decision.DROP,) if outcome.result.embeds is None else (Decision.DROP, Decision.MERGE)
    gone = np.array([span.decision in lossy for span in outcome.result.spans], dtype=np.bool_)
    gone &= analysis.segmentation.content
    if before is not None:
        gone &= analysis.segmentation.ends <= before
    return Source(analysis, outcome, gone, asked)


def recall(sources: Sequence[Source], query: Query, allowance: int, known: Known) -> list[BoolArray]:
    """Units (n,) of each source that come back for ``query``.

    Takes the most relevant first, up to ``allowance`` tokens; ties go to the earlier unit. The caller
    marks what it used as no longer gone. ``known`` keeps what does not depend on what is gone, for
    other forms of the same chat.
    """
    scores = [_scores(s, query, known) for s in sources]
    chosen = [np.zeros(len(values), dtype=np.bool_) for values in scores]
    ranked = sorted(
        (-float(values[unit]), number, unit)
        for number, values in enumerate(scores)
        for unit in np.flatnonzero(np.isfinite(values)).tolist()
    )
    for _, number, unit in ranked:
        cost = int(sources[number].analysis.costs[unit])
        if cost <= allowance:
            allowance -= cost
            chosen[number][unit] = True
    return chosen


def recalled_texts(origin: Source, chosen: BoolArray) -> list[str]:
    """The chosen units as texts in their order; neighbours are one text."""
    segmentation = origin.analysis.segmentation
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return []
    groups = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    return [segmentation.text[segmentation.starts[g[0]] : segmentation.ends[g[-1]]].strip() for g in groups]


def whole_texts(sources: Sequence[Source]) -> list[str]:
    """The last message of ``sources`` as it came, without what it asked and without keep tags: "translate the above"
    needs all of it, in its order. Nothing where all of it stands in the chat."""
    last = [origin for origin in sources if origin.key[0] == sources[-1].key[0]]
    return [text for text in map(_document, last) if text] if any(origin.gone.any() for origin in last) else []


def _document(origin: Source) -> str:
    segmentation = origin.analysis.segmentation
    tags = np.flatnonzero(segmentation.kinds == UnitKind.TAG)
    cut = [*origin.asked, *zip(segmentation.starts[tags].tolist(), segmentation.ends[tags].tolist(), strict=True)]
    text, position, pieces = segmentation.text, 0, []
    for start, end in sorted(cut):
        pieces.append(text[position:start])
        position = max(position, end)
    return "".join([*pieces, text[position:]]).strip()


def _scores(origin: Source, query: Query, known: Known) -> FloatArray:
    """Relevance of the units that may come back, -inf for all others, (n,)."""
    if not origin.gone.any():
        return np.full(len(origin.gone), -np.inf, dtype=np.float32)
    key = (*origin.key, query.text)
    if key not in known:
        known[key] = _worth(origin.analysis, query)
    return np.where(origin.gone, known[key], -np.inf).astype(np.float32)


def _worth(analysis: Analysis, query: Query) -> FloatArray:
    """Relevance of the units that would be worth bringing back, -inf for all others, (n,)."""
    encoding = analysis.encoding
    close = np.round(pooled_similarity(encoding, query.encoding), 4) >= MIN_SIMILARITY
    named = np.round(lexical_coverage(encoding, query.encoding.token_ids), 4) >= MIN_COVERAGE
    if not (close | named).any():
        # Nothing comes back from most texts of a long chat, and relevance is dear.
        return np.full(len(close), -np.inf, dtype=np.float32)
    values = relevance(analysis.segmentation, encoding, query)
    return np.where((values >= MIN_RELEVANCE) & (close | named), values, -np.inf).astype(np.float32)
