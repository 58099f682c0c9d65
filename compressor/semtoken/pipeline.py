"""The order of the stages, and what each of them took.

segment -> encode -> cluster -> density (with relevance) -> budget -> realise
"""

from __future__ import annotations

import time
from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace

import numpy as np

from semtoken.allocation import Fitted, fit
from semtoken.analysis import Analysis
from semtoken.budget import unit_costs
from semtoken.cluster import cluster, unclustered
from semtoken.datamodels import (
    BoolArray,
    Clusters,
    CompressionResult,
    FloatArray,
    Query,
    Reason,
    Scores,
    Status,
)
from semtoken.deadline import Deadline
from semtoken.density import density
from semtoken.encoders import Encoder, EncoderInput
from semtoken.explain import explain
from semtoken.options import CompressionOptions
from semtoken.realise import Embedder, Realised, kept_tokens
from semtoken.relevance import relevance
from semtoken.segment import segment
from semtoken.tokenizer import ServedTokenizer
from semtoken.untouched import untouched
from semtoken.value import recent_units, score

QUERY_END = 2_000
"""Characters read at either end of a query."""


@dataclass(frozen=True, slots=True)
class Document:
    """A text to analyse, with character ranges that must stay."""

    text: str = field(repr=False)
    pins: tuple[tuple[int, int], ...] = ()


class Pipeline:
    """Runs the stages for a batch of texts; the only place that knows their order.

    Once ``deadline`` is over none of them begins: ``DeadlineExceededError``.
    """

    def __init__(
        self,
        encoder: Encoder,
        tokenizer: ServedTokenizer,
        embedder: Embedder | None = None,
        deadline: Deadline | None = None,
        tenant: str = "",
    ) -> None:
        self.encoder = encoder
        self.tokenizer = tokenizer
        self.embedder = embedder or Embedder(None)
        self.deadline = deadline
        self.tenant = tenant

    def analyse(
        self, documents: Sequence[Document], queries: Sequence[str], options: CompressionOptions
    ) -> tuple[list[Analysis], list[Query]]:
        """Segment, tokenise and encode texts and queries, all in one pass of the encoder."""
        segmented = []
        for document in documents:
            self._check_deadline()
            started = time.perf_counter()
            segmentation = segment(
                document.text, pins=document.pins, protect=options.protect, keep_tags=options.keep_tags
            )
            tokenized = self.tokenizer.tokenize(document.text)
            costs = unit_costs(tokenized.starts, segmentation.starts, len(tokenized))
            segmented.append((segmentation, tokenized, costs, _ms_since(started)))
        inputs = [EncoderInput(s.text, s.starts, self.tenant) for s, _, _, _ in segmented]
        queries = [bounded(query) for query in queries]
        inputs += [EncoderInput(query, np.zeros(1, dtype=np.int64), self.tenant) for query in queries]
        started = time.perf_counter()
        encodings = self.encoder.encode(inputs, lexical_only=not options.stages.encode, deadline=self.deadline)
        per_token = _ms_since(started) / max(1, sum(len(e.token_ids) for e in encodings))
        analyses = [
            Analysis(s, e, t, c, {"segment": took, "encode": per_token * len(e.token_ids)})
            for (s, t, c, took), e in zip(segmented, encodings, strict=False)
        ]
        asked = [Query(text, e) for text, e in zip(queries, encodings[len(documents) :], strict=True)]
        return analyses, asked

    def compress(
        self,
        analysis: Analysis,
        query: Query | None,
        options: CompressionOptions,
        *,
        budget: int,
        exact: bool = False,
        seen: Set[bytes] = frozenset(),
    ) -> CompressionResult:
        """Choose and realise what stays of an analysed text within ``budget`` tokens.

        An ``exact`` budget is kept where pinned text allows it; else a line of each log template stays too.
        ``seen`` holds keys of units that stand verbatim in earlier messages of the chat.
        """
        self._check_deadline()
        if not len(analysis.segmentation):
            return untouched(analysis, self.tokenizer, Reason.NOTHING_TO_COMPRESS)
        if budget >= analysis.tokens:
            return untouched(analysis, self.tokenizer, Reason.RATIO_ONE)
        timings = dict(analysis.timings_ms)
        clusters, scores = self._score(analysis, query, options, budget, seen, timings)
        started = time.perf_counter()
        reserve = self.embedder.reserve(budget) if options.realise == "embeds" else 0
        required = _required(analysis, clusters, exact=exact)
        fitted = fit(analysis, scores, self.tokenizer, options, budget - reserve, required)
        if options.realise == "embeds" and fitted.realised.token_ids:
            fitted = self._embedded(analysis, fitted, budget)
        timings["realise"] = fitted.realise_ms
        timings["budget"] = _ms_since(started) - fitted.realise_ms
        timings["total"] = sum(timings.values())
        if not fitted.realised.token_ids:
            return untouched(analysis, self.tokenizer, Reason.BUDGET_MISSED, timings)
        return self._result(analysis, clusters, scores, fitted, budget, timings)

    def _check_deadline(self) -> None:
        if self.deadline is not None:
            self.deadline.check()

    def _score(
        self,
        analysis: Analysis,
        query: Query | None,
        options: CompressionOptions,
        budget: int,
        seen: Set[bytes],
        timings: dict[str, float],
    ) -> tuple[Clusters, Scores]:
        segmentation, encoding, stages = analysis.segmentation, analysis.encoding, options.stages
        started = time.perf_counter()
        if stages.cluster:
            clusters = cluster(segmentation, encoding, seen=seen, deadline=self.deadline)
        else:
            clusters = unclustered(len(segmentation))
        timings["cluster"] = _ms_since(started)
        started = time.perf_counter()
        zeros: FloatArray = np.zeros(len(segmentation), dtype=np.float32)
        dense = density(segmentation, encoding, clusters) if stages.density else zeros
        relevant = relevance(segmentation, encoding, query) if stages.relevance and query is not None else zeros
        recent = recent_units(analysis.costs, budget) if stages.recency else None
        scores = score(segmentation, clusters, dense, relevant, recent)
        timings["density"] = _ms_since(started)
        return clusters, scores

    def _embedded(self, analysis: Analysis, fitted: Fitted, budget: int) -> Fitted:
        started = time.perf_counter()
        tokenized = analysis.tokenized
        kept = kept_tokens(fitted.ranges, tokenized, analysis.segmentation.text, self.tokenizer)
        embedded = self.embedder.realise(tokenized.ids, kept, budget)
        took = fitted.realise_ms + _ms_since(started)
        realised = Realised(fitted.realised.text, embedded.token_ids)
        return replace(fitted, realised=realised, embedded=embedded, realise_ms=took)

    def _result(
        self,
        analysis: Analysis,
        clusters: Clusters,
        scores: Scores,
        fitted: Fitted,
        budget: int,
        timings: dict[str, float],
    ) -> CompressionResult:
        merged = _units_merged(analysis, fitted)
        return CompressionResult(
            original=analysis.segmentation.text,
            text=fitted.realised.text,
            token_ids=fitted.realised.token_ids,
            original_tokens=analysis.tokens,
            status=Status.SKIPPED if fitted.realised.text == analysis.segmentation.text else Status.COMPRESSED,
            reason=_reason(analysis, fitted, budget),
            spans=explain(analysis.segmentation, clusters, scores, fitted.keep, fitted.thinned, merged),
            kept=tuple((start, end) for start, end in fitted.ranges.tolist()),
            timings_ms=timings,
            embeds=None if fitted.embedded is None else fitted.embedded.vectors,
        )


def bounded(query: str) -> str:
    """What is read of a query: its two ends where it is long. Every token of it is compared with every token of
    the text, so a query of a megabyte (the arguments of a tool call, say) would never end."""
    return query if len(query) <= 2 * QUERY_END else f"{query[:QUERY_END]}\n{query[-QUERY_END:]}"


def _required(analysis: Analysis, clusters: Clusters, *, exact: bool) -> BoolArray:
    """Content units (n,) that stay whatever they cost: pinned ones and, unless the budget is ``exact``, one
    line of each log template: a ratio that is missed is told, a line that vanished is not."""
    required: BoolArray = analysis.segmentation.pinned
    if not exact:
        required = required | clusters.template_first
    return required & analysis.segmentation.content


def _units_merged(analysis: Analysis, fitted: Fitted) -> frozenset[int]:
    """Units that a merged vector stands for, in whole or in part."""
    if fitted.embedded is None:
        return frozenset()
    inside = np.zeros(len(analysis.tokenized), dtype=np.bool_)
    for first, end in fitted.embedded.stretches.tolist():
        inside[first:end] = True
    starts = analysis.tokenized.starts[inside]
    units = np.searchsorted(analysis.segmentation.starts, starts, side="right") - 1
    return frozenset(np.unique(np.maximum(units, 0)).tolist())


def _reason(analysis: Analysis, fitted: Fitted, budget: int) -> Reason:
    size = len(fitted.realised.token_ids)
    if size > budget:
        pinned = analysis.segmentation.pinned & analysis.segmentation.content
        return Reason.PINNED_OVER_BUDGET if analysis.costs[pinned].sum() >= budget else Reason.BUDGET_MISSED
    missed = (budget - size) / analysis.tokens > 0.02
    return Reason.BUDGET_MISSED if missed else Reason.OK


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000.0
