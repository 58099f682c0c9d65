"""The forms of a chat's texts, made message by message in the order of the chat."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass, field, replace

from semtoken.analysis import Analysis
from semtoken.cluster import text_keys
from semtoken.datamodels import CompressionResult, Decision, Query, Reason, Status
from semtoken.messages.plan import PartPlan, RunPlan
from semtoken.messages.recall import REACH, SHARE, Known, Source, recall, recalled_texts, source, whole_texts
from semtoken.messages.result import PartResult
from semtoken.options import CompressionOptions
from semtoken.pipeline import Pipeline
from semtoken.untouched import left_alone

Key = tuple[int, int | None]
"""Message and content part of a text."""
RECALLED = 0.3
"""Tokens that one question may recall within a bound, as a share of what the ratio leaves of the earlier messages:
otherwise what comes back would stay the same however strong the compression."""
_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A planned chat with everything inferred that its forms depend on."""

    runs: list[RunPlan]
    analyses: dict[Key, Analysis]
    queries: dict[str, Query]
    known: Known = field(default_factory=dict)
    """What recall finds out, which is the same for all forms."""


@dataclass(slots=True)
class Forms:
    """What has been made so far, and what it leaves to later messages."""

    parts: list[PartResult] = field(default_factory=list)
    texts: dict[Key, str] = field(default_factory=dict)
    """New texts of the chat."""
    seen: dict[str, set[bytes]] = field(default_factory=lambda: {"user": set(), "tool": set()})
    """Keys of the units that stand verbatim in the forwarded form, by the roles that may give way to them: a
    user's words never do to a tool's, to which a model listens less."""
    sources: list[Source] = field(default_factory=list)
    """The last ``REACH`` texts that lost something."""
    latest: list[Source] = field(default_factory=list)
    """What lost something of the last run that "the text above" may mean; none where it stands whole."""
    compressed_tokens: int = 0
    """Tokens, as they came, of all texts that were to be compressed."""


class FormMaker:
    """Makes the forms of a prepared chat at a ratio; ``bounded`` ones must get as small as the ratio says.

    A form depends on the ratio and on what it is a form of, never on other ratios that were tried.
    """

    def __init__(
        self, pipeline: Pipeline, prepared: Prepared, options: CompressionOptions, ratio: float, *, bounded: bool
    ) -> None:
        self._pipeline = pipeline
        self._prepared = prepared
        self._options = options
        self._ratio = ratio
        self._bounded = bounded
        self._recall_share = min(SHARE, RECALLED / ratio) if bounded else SHARE
        self._forms = Forms()

    def make(self) -> Forms:
        """Run through the chat once, from its first message to its last."""
        for run in self._prepared.runs:
            earlier, tokens = list(self._forms.sources), self._forms.compressed_tokens
            outcomes = [self._form(part) for part in run.parts]
            if run.carrier is not None:
                outcomes[run.carrier] = self._with_recall(run, run.carrier, outcomes, earlier, tokens)
            self._forms.parts += outcomes
            if run.long:
                keys = {part.key for part in run.parts}
                self._forms.latest = [origin for origin in self._forms.sources if origin.key in keys]
        return self._forms

    def _form(self, plan: PartPlan) -> PartResult:
        analysis = self._prepared.analyses.get(plan.key)
        if analysis is None:
            return self._left_alone(plan)
        query = self._prepared.queries[plan.query] if plan.query else None
        result = self._compressed(analysis, query, self._forms.seen[plan.role])
        if result.text != result.original:
            self._forms.texts[plan.key] = result.text
        kept = (span.decision in (Decision.KEEP, Decision.PINNED) for span in result.spans)
        keys = {k for k, stays in zip(text_keys(analysis.segmentation), kept, strict=True) if k and stays}
        for role in ("user", "tool") if plan.role == "user" else (plan.role,):
            self._forms.seen[role] |= keys
        outcome = PartResult(*plan.key, plan.role, plan.query, result)
        self._forms.compressed_tokens += analysis.tokens
        origin = source(analysis, outcome, plan.asked)
        if origin.gone.any():
            self._forms.sources = [*self._forms.sources[1 - REACH :], origin]
        return outcome

    def _compressed(self, analysis: Analysis, query: Query | None, seen: Set[bytes]) -> CompressionResult:
        budget = max(1, round(analysis.tokens / self._ratio))
        result = tried = self._to(analysis, query, budget, seen)
        while self._bounded and _nothing_fits(tried):
            # The text would stay whole, and a stronger compression leave more than a weaker one.
            budget = 1 << budget.bit_length()
            tried = self._to(analysis, query, budget, seen)
        return tried if tried.status is Status.COMPRESSED else result

    def _to(self, analysis: Analysis, query: Query | None, budget: int, seen: Set[bytes]) -> CompressionResult:
        return self._pipeline.compress(analysis, query, self._options, budget=budget, exact=self._bounded, seen=seen)

    def _left_alone(self, plan: PartPlan) -> PartResult:
        reason = plan.skip or Reason.NOTHING_TO_COMPRESS
        tokenizer = self._pipeline.tokenizer
        result = left_alone(plan.text.text, tokenizer, reason, keep_tags=self._options.keep_tags)
        if result.text != result.original:
            self._forms.texts[plan.key] = result.text
        return PartResult(*plan.key, plan.role, plan.query, result)

    def _with_recall(
        self, run: RunPlan, carrier: int, outcomes: list[PartResult], earlier: list[Source], tokens: int
    ) -> PartResult:
        """The question's own text, with what it needs from earlier texts put before the question."""
        outcome, plan = outcomes[carrier], run.parts[carrier]
        if self._options.stability == "document":
            own = self._own_documents(run, carrier, outcomes)
            earlier, tokens = earlier + own, tokens + sum(origin.analysis.tokens for origin in own)
        found = self._recalled(run, earlier, tokens)
        if not found:
            return outcome
        text = outcome.result.text
        units = plan.key in self._prepared.analyses
        position = (_unit_start if units else _paragraph_start)(outcome.result, run.question_start)
        self._forms.texts[plan.key] = f"{text[:position]}{chr(10).join(found)}\n\n{text[position:]}"
        return replace(outcome, recalled=tuple(found))

    def _recalled(self, run: RunPlan, sources: list[Source], tokens: int) -> list[str]:
        if run.needs_earlier_whole:
            found = whole_texts(self._forms.latest)
            for origin in self._forms.latest:
                origin.gone[:] = False
            return found
        query = self._prepared.queries.get(run.recall_query or "")
        if query is None or not sources:
            return []
        found = []
        chosen = recall(sources, query, int(self._recall_share * tokens), self._prepared.known)
        left = {origin.key: origin for origin in self._forms.sources}
        for origin, units in zip(sources, chosen, strict=True):
            found += recalled_texts(origin, units)
            # Of a text of the question's own run ``origin`` is a copy.
            for same in (origin, left.get(origin.key, origin)):
                same.gone[units] = False
        return found

    def _own_documents(self, run: RunPlan, carrier: int, outcomes: list[PartResult]) -> list[Source]:
        """Texts of the question's run that stand before it: a query-free form may lack the answer."""
        found = []
        for number, (plan, outcome) in enumerate(zip(run.parts, outcomes, strict=True)):
            analysis = self._prepared.analyses.get(plan.key)
            if analysis is not None and number <= carrier:
                before = run.question_start if number == carrier else None
                found.append(source(analysis, outcome, before=before))
        return found


def _nothing_fits(result: CompressionResult) -> bool:
    return result.status is Status.SKIPPED and result.reason is Reason.BUDGET_MISSED


def _unit_start(result: CompressionResult, offset: int) -> int:
    """Where in the new text the unit begins that holds ``offset`` of the original."""
    return _forwarded(result, next((span.start for span in result.spans if span.start <= offset < span.end), 0))


def _paragraph_start(result: CompressionResult, offset: int) -> int:
    """Where in the new text of one left alone, whose spans are no units, the paragraph of ``offset`` begins."""
    blank = list(_BLANK_LINES.finditer(result.text, 0, _forwarded(result, offset)))
    return blank[-1].end() if blank else 0


def _forwarded(result: CompressionResult, offset: int) -> int:
    """The place of ``offset`` in the new text."""
    return sum(min(end, offset) - start for start, end in result.kept if start < offset)
