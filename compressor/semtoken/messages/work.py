"""One prompt on its way to a form within its bound: planned, analysed once, and made at the ratios it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from semtoken.analysis import Analysis
from semtoken.datamodels import Query, Reason
from semtoken.messages.bounds import Bound, Scale, bound_of, closest, mildest
from semtoken.messages.forms import FormMaker, Forms, Prepared
from semtoken.messages.plan import RunPlan, plan_chat
from semtoken.messages.recall import Known
from semtoken.options import CompressionOptions
from semtoken.pipeline import Document, Pipeline

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Made(Generic[F]):
    """A form, and the bound that had a say in it, if one had."""

    form: F
    bound: Bound | None = None
    met: bool = True


@dataclass(frozen=True, slots=True)
class Work(Generic[F]):
    """A chat, or a prompt as a chat of one message, to be made into forms of type ``F``."""

    pipeline: Pipeline
    messages: Sequence[Mapping[str, Any]]
    total: int
    """Tokens of the whole as it came."""
    finish: Callable[[Forms], F]
    size: Callable[[F], int]
    _runs: dict[int, list[RunPlan]] = field(default_factory=dict)
    """By the options' ``min_tokens``, which is all that differs from plan to plan."""
    _analyses: dict[Document, Analysis] = field(default_factory=dict)
    _queries: dict[str, Query] = field(default_factory=dict)
    _known: Known = field(default_factory=dict)

    def made(self, options: CompressionOptions, *, fine: bool) -> Made[F]:
        """The form at the options' ratio, or, where that is over the bound, one within it if there is any.

        ``fine`` comes as near to the bound as it can; else the ratio goes up in coarse steps.
        """
        form, bound = self._unbounded(options), bound_of(options)
        if bound is None or (form is not None and self.size(form) <= bound.tokens):
            return Made(form if form is not None else self._whole(options))
        smallest = form
        for limit in bound.limits:
            if form is not None and self.size(form) <= limit:
                return Made(form, bound, met=False)
            if self.total <= limit:
                # What a question recalled has made it longer than it came.
                return Made(self._whole(options), bound, met=limit == bound.tokens)
            smallest, fits = self._within(options, limit, fine=fine)
            if fits:
                return Made(smallest, bound, met=limit == bound.tokens)
        return Made(smallest if smallest is not None else self._whole(options), bound, met=False)

    def _unbounded(self, options: CompressionOptions) -> F | None:
        """The form that the options give by themselves, None where ``target_tokens`` asks for less."""
        if options.target_tokens is None:
            return self._scale(options, bounded=False).make(options.ratio)
        return self._whole(options) if self.total <= options.target_tokens else None

    def _whole(self, options: CompressionOptions) -> F:
        runs = [run.left_alone(Reason.RATIO_ONE) for run in self._planned(options)]
        return self.finish(FormMaker(self.pipeline, Prepared(runs, {}, {}), options, 1.0, bounded=False).make())

    def _within(self, options: CompressionOptions, limit: int, *, fine: bool) -> tuple[F, bool]:
        """The best form within ``limit``, else the smallest, and whether it is within."""
        above = options.ratio if options.target_tokens is None else 1.0
        scale = self._scale(options, bounded=True)
        form, fits = _searched(scale, limit, above, fine=fine) if scale.fixed < limit else (None, False)
        if not fits and options.mode == "auto" and options.min_tokens:
            # The bound is exact: where long messages alone cannot meet it, short ones give way too.
            wider = self._scale(options.model_copy(update={"min_tokens": 0}), bounded=True)
            if form is None or len(wider.texts) > len(scale.texts):
                return _searched(wider, limit, above, fine=fine)
        return (form, fits) if form is not None else _searched(scale, limit, above, fine=fine)

    def _scale(self, options: CompressionOptions, *, bounded: bool) -> Scale[F]:
        prepared = self._prepared(self._planned(options), options)

        def make(ratio: float) -> F:
            return self.finish(FormMaker(self.pipeline, prepared, options, ratio, bounded=bounded).make())

        analyses = prepared.analyses.values()
        pinned = sum(int(a.costs[a.segmentation.pinned].sum()) for a in analyses)
        return Scale(make, self.size, self.total, tuple(analysis.tokens for analysis in analyses), pinned)

    def _planned(self, options: CompressionOptions) -> list[RunPlan]:
        if options.min_tokens not in self._runs:
            self._runs[options.min_tokens] = plan_chat(self.messages, options, self.pipeline.tokenizer)
        return self._runs[options.min_tokens]

    def _prepared(self, runs: list[RunPlan], options: CompressionOptions) -> Prepared:
        """The plan with its texts and queries analysed, those that were before not again."""
        chosen = {
            part.key: Document(part.text.text, part.pins) for run in runs for part in run.parts if part.skip is None
        }
        if not chosen:
            return Prepared(runs, {}, {})
        asked = {part.query for run in runs for part in run.parts if part.skip is None}
        queries = sorted(query for query in asked | {run.recall_query for run in runs} if query)
        documents = [document for document in dict.fromkeys(chosen.values()) if document not in self._analyses]
        unread = [query for query in queries if query not in self._queries]
        if documents or unread:
            analyses, encoded = self.pipeline.analyse(documents, unread, options)
            self._analyses.update(zip(documents, analyses, strict=True))
            self._queries.update(zip(unread, encoded, strict=True))
        by_key = {key: self._analyses[document] for key, document in chosen.items()}
        return Prepared(runs, by_key, {query: self._queries[query] for query in queries}, self._known)


def _searched(scale: Scale[F], limit: int, above: float, *, fine: bool) -> tuple[F, bool]:
    if fine and scale.least < limit and (form := closest(scale, limit)) is not None:
        return form, True
    return mildest(scale, limit, above)
