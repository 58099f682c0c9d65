"""From scores to a realised text that is inside the budget to the token.

The cost of a choice is known only once it is realised: glue comes back between units, and seams
are tokenised anew. So choose, realise, count, and correct the allowance by the difference.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from semtoken.analysis import Analysis
from semtoken.budget import allocate
from semtoken.datamodels import BoolArray, IntArray, Scores, UnitKind
from semtoken.options import CompressionOptions
from semtoken.realise import REALISERS, Embedded, Realised, kept_ranges
from semtoken.scaling import surprise
from semtoken.structure import resolve_glue, table_headers
from semtoken.thinning import KEEP_SHARE, thin_ranges
from semtoken.tokenizer import ServedTokenizer

ATTEMPTS = 8
CLOSE = 0.005
"""Share of the budget that may stay unused without another attempt."""
THINNED_SHARE = 0.2
"""Share of the budget that thinned units get where thinning is on."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A choice of units with its realisation."""

    keep: BoolArray
    """(n,) units that stay whole, glue included."""
    thinned: frozenset[int]
    ranges: IntArray
    realised: Realised
    realise_ms: float = 0.0
    embedded: Embedded | None = None
    """The vectors of ``realised``, where these are asked for."""


def fit(
    analysis: Analysis,
    scores: Scores,
    tokenizer: ServedTokenizer,
    options: CompressionOptions,
    budget: int,
    required: BoolArray,
) -> Fitted:
    """The choice of highest value whose realisation has at most ``budget`` tokens.

    Units that are ``required`` (n,) stay even when they alone exceed the budget.
    """
    allowance, best, spent = budget, None, 0.0
    tried: set[int] = set()
    while len(tried) < ATTEMPTS and allowance not in tried:
        tried.add(allowance)
        choice, took = _choose(analysis, scores, tokenizer, options, required, allowance)
        spent += took
        size = len(choice.realised.token_ids)
        if size <= budget and (best is None or size > len(best.realised.token_ids)):
            best = choice
        if 0 <= budget - size <= max(1, CLOSE * budget):
            break
        # What the choice costs beyond its units: glue and seams. A choice that is over the budget
        # has to lose a unit, whatever the estimate says.
        counted = int(analysis.costs[choice.keep & analysis.segmentation.content].sum())
        allowance = budget - (size - counted)
        if size > budget:
            allowance = min(allowance, counted - 1)
    if best is None:
        best, took = _shrink(analysis, scores, tokenizer, options, required, budget)
        spent += took
    return Fitted(best.keep, best.thinned, best.ranges, best.realised, spent)


def _shrink(
    analysis: Analysis,
    scores: Scores,
    tokenizer: ServedTokenizer,
    options: CompressionOptions,
    required: BoolArray,
    budget: int,
) -> tuple[Fitted, float]:
    """Halve the allowance until the realisation fits or only what is required is left."""
    spent, allowance = 0.0, budget
    while True:
        allowance //= 2
        choice, took = _choose(analysis, scores, tokenizer, options, required, allowance)
        spent += took
        if len(choice.realised.token_ids) <= budget or allowance == 0:
            return choice, spent


def _choose(
    analysis: Analysis,
    scores: Scores,
    tokenizer: ServedTokenizer,
    options: CompressionOptions,
    required: BoolArray,
    allowance: int,
) -> tuple[Fitted, float]:
    segmentation = analysis.segmentation
    whole = allowance - int(THINNED_SHARE * allowance) if options.thin else allowance
    headers = table_headers(segmentation)
    chosen = allocate(scores.value, analysis.costs, required, segmentation.content, whole, headers)
    thin: dict[int, IntArray] = {}
    if options.thin:
        thin = _thin(analysis, scores, chosen, allowance - int(analysis.costs[chosen].sum()))
    present = chosen.copy()
    present[list(thin)] = True
    keep = resolve_glue(segmentation, present)
    keep[list(thin)] = False
    ranges = kept_ranges(segmentation.starts, segmentation.ends, keep)
    if thin:
        ranges = np.concatenate((ranges, *thin.values()))
        ranges = ranges[np.argsort(ranges[:, 0], kind="stable")]
    started = time.perf_counter()
    realised = REALISERS[options.realise].realise(segmentation.text, ranges, analysis.tokenized, tokenizer)
    took = (time.perf_counter() - started) * 1000.0
    return Fitted(keep, frozenset(thin), ranges, realised), took


def _thin(analysis: Analysis, scores: Scores, chosen: BoolArray, left: int) -> dict[int, IntArray]:
    """The next best sentences, thinned, as far as ``left`` tokens go."""
    segmentation = analysis.segmentation
    open_ = (segmentation.kinds == UnitKind.SENTENCE) & ~chosen
    rows = np.flatnonzero(open_)
    rows = rows[np.argsort(-scores.value[rows], kind="stable")]
    rows = rows[np.cumsum(analysis.costs[rows] * KEEP_SHARE) <= left]
    rare = surprise(analysis.encoding.token_ids)
    return {unit: thin_ranges(segmentation, analysis.encoding, rare, unit) for unit in rows.tolist()}
