"""Compression of a whole chat: plan, analyse in one batch, then realise message by message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from semtoken.datamodels import CompressionResult, Reason, Status
from semtoken.messages.forms import FormMaker, Forms, Prepared
from semtoken.messages.plan import RunPlan, plan_chat
from semtoken.messages.result import MessagesResult, PartResult
from semtoken.messages.turns import replace_texts, split_runs
from semtoken.options import CompressionOptions
from semtoken.pipeline import Document, Pipeline

Messages = Sequence[Mapping[str, Any]]
Tools = Sequence[Mapping[str, Any]] | None

TARGET_STEPS = tuple(2.0 ** (step / 4) for step in range(1, 18))
"""Ratios that ``target_tokens`` may choose from: coarse, so that a growing chat rarely moves to
the next one and breaks the prefix that the engine has cached."""

WEIGHTIEST_FIRST = (
    Reason.MODE_OFF,
    Reason.WHOLE_TEXT_TASK,
    Reason.PINNED_OVER_BUDGET,
    Reason.BUDGET_MISSED,
    Reason.RATIO_ONE,
    Reason.TOO_SHORT,
    Reason.ROLE_EXCLUDED,
)


class ChatCompressor:
    """Compresses OpenAI message lists so that no later message changes an earlier one's form."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def compress(self, messages: Messages, options: CompressionOptions, tools: Tools = None) -> MessagesResult:
        """Compress a chat; see :meth:`semtoken.Compressor.compress_messages`."""
        split_runs(messages)  # A malformed chat is refused before a template sees it.
        total = self._pipeline.tokenizer.count_messages(messages, tools)
        target = options.target_tokens
        if target is None:
            return self._ratios(messages, options, tools, total)(options.ratio)
        if total <= target:
            return self._ratios(messages, options, tools, total, skip=Reason.RATIO_ONE)(1.0)
        result = _mildest(self._ratios(messages, options, tools, total), target)
        if result.reason is Reason.TARGET_MISSED and options.min_tokens:
            # The bound is exact: where long messages alone cannot meet it, short ones give way too.
            short_too = options.model_copy(update={"min_tokens": 0})
            result = _mildest(self._ratios(messages, short_too, tools, total), target)
        return result

    def _ratios(
        self, messages: Messages, options: CompressionOptions, tools: Tools, total: int, skip: Reason | None = None
    ) -> Callable[[float], MessagesResult]:
        """The chat's form by ratio, planned and analysed once; with ``skip`` nothing is compressed."""
        runs = plan_chat(messages, options, self._pipeline.tokenizer)
        if skip is not None:
            runs = [run.left_alone(skip) for run in runs]
        prepared = self._prepare(runs, options)

        def at_ratio(ratio: float) -> MessagesResult:
            forms = FormMaker(self._pipeline, prepared, options, lambda tokens: max(1, round(tokens / ratio))).make()
            return self._result(messages, tools, total, forms)

        return at_ratio

    def compress_prompt(self, prompt: str, options: CompressionOptions) -> CompressionResult:
        """Compress a prompt for plain completion; see :meth:`semtoken.Compressor.compress_prompt`."""
        if options.target_tokens is not None:
            # The bound is exact, also on a prompt that would be too short to be worth it.
            options = options.model_copy(update={"min_tokens": 0})
        runs = plan_chat([{"role": "user", "content": prompt}], options, self._pipeline.tokenizer)
        prepared = self._prepare(runs, options)

        def budget(tokens: int) -> int:
            return min(tokens, options.target_tokens or max(1, round(tokens / options.ratio)))

        forms = FormMaker(self._pipeline, prepared, options, budget).make()
        result = forms.parts[0].result
        if not forms.parts[0].recalled:
            return result
        text = forms.texts[0, None]
        return replace(result, text=text, token_ids=tuple(self._pipeline.tokenizer.ids(text)), embeds=None)

    def _prepare(self, runs: list[RunPlan], options: CompressionOptions) -> Prepared:
        chosen = [part for run in runs for part in run.parts if part.skip is None]
        if not chosen:
            return Prepared(runs, {}, {})
        asked = {part.query for part in chosen} | {run.recall_query for run in runs}
        queries = sorted(query for query in asked if query)
        documents = [Document(part.text.text, part.pins) for part in chosen]
        analyses, encoded = self._pipeline.analyse(documents, queries, options)
        by_key = dict(zip((part.key for part in chosen), analyses, strict=True))
        return Prepared(runs, by_key, dict(zip(queries, encoded, strict=True)))

    def _result(self, messages: Messages, tools: Tools, total: int, forms: Forms) -> MessagesResult:
        forwarded = replace_texts(messages, forms.texts)
        timings: Counter[str] = Counter()
        for outcome in forms.parts:
            timings.update(outcome.result.timings_ms)
        tokenizer = self._pipeline.tokenizer
        count = tokenizer.count_messages(forwarded, tools) if forms.texts else total
        for outcome in forms.parts:
            if (form := outcome.embedded) is not None:
                # Its vectors are forwarded in the place of its text.
                count += len(form) - tokenizer.count(outcome.result.text)
        status, reason = _verdict(forms.parts)
        return MessagesResult(forwarded, total, count, status, reason, tuple(forms.parts), dict(timings))


def _mildest(at_ratio: Callable[[float], MessagesResult], target: int) -> MessagesResult:
    """The chat at the mildest of ``TARGET_STEPS`` at which it has at most ``target`` tokens.

    Where not even one unit of a text fits its budget the text stays whole, so a milder step can
    fit where the heaviest does not.
    """
    high = len(TARGET_STEPS) - 1
    smallest = result = at_ratio(TARGET_STEPS[high])
    while result.forwarded_tokens > target:
        if high == 0:
            return replace(smallest, reason=Reason.TARGET_MISSED, prefix_breaks=("target_tokens",))
        high -= 1
        result = at_ratio(TARGET_STEPS[high])
        smallest = min(smallest, result, key=lambda form: form.forwarded_tokens)
    low = 0
    while low < high:
        middle = (low + high) // 2
        tried = at_ratio(TARGET_STEPS[middle])
        if tried.forwarded_tokens <= target:
            result, high = tried, middle
        else:
            low = middle + 1
    return replace(result, prefix_breaks=("target_tokens",))


def _verdict(parts: Sequence[PartResult]) -> tuple[Status, Reason]:
    """The chat's status: compressed if any text was; else the weightiest reason why not."""
    compressed = [part.result for part in parts if part.result.status is Status.COMPRESSED]
    if compressed or any(part.recalled for part in parts):
        missed = [result.reason for result in compressed if result.reason is not Reason.OK]
        return Status.COMPRESSED, missed[0] if missed else Reason.OK
    reasons = {part.result.reason for part in parts}
    reason = next((r for r in WEIGHTIEST_FIRST if r in reasons), Reason.NOTHING_TO_COMPRESS)
    return (Status.OFF if reason is Reason.MODE_OFF else Status.SKIPPED), reason
