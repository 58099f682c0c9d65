"""Compression of a whole chat: plan, analyse in one batch, then realise message by message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, TypeVar

from semtoken.datamodels import CompressionResult, Reason, Status
from semtoken.messages.bounds import Bound, bound_of
from semtoken.messages.forms import Forms
from semtoken.messages.recalled import with_recalled
from semtoken.messages.result import MessagesResult, PartResult
from semtoken.messages.turns import replace_texts, split_runs
from semtoken.messages.work import Work
from semtoken.options import CompressionOptions, Realisation
from semtoken.pipeline import Pipeline

Messages = Sequence[Mapping[str, Any]]
Tools = Sequence[Mapping[str, Any]] | None

R = TypeVar("R", CompressionResult, MessagesResult)

MISSED = 0.02
"""Share of a text's tokens that may be kept beyond its ratio without a word."""
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
        # No engine has cached anything of a chat that it has not answered yet.
        first_turn = all(message["role"] != "assistant" for message in messages[:-1])
        work: Work[MessagesResult] = Work(
            self._pipeline,
            messages,
            total,
            lambda forms: self._result(messages, tools, total, forms, options.realise),
            attrgetter("forwarded_tokens"),
        )
        made = work.made(options, fine=first_turn)
        if made.bound is None:
            return _told(made.form, self._kept_share(made.form.parts), options)
        breaks = () if first_turn else (made.bound.cause,)
        return replace(
            made.form,
            reason=_reason(made.form.status, made.form.reason, made.bound, met=made.met),
            prefix_breaks=breaks,
        )

    def compress_prompt(self, prompt: str, options: CompressionOptions) -> CompressionResult:
        """Compress a prompt for plain completion; see :meth:`semtoken.Compressor.compress_prompt`."""
        work: Work[CompressionResult] = Work(
            self._pipeline,
            [{"role": "user", "content": prompt}],
            self._pipeline.tokenizer.count(prompt) if bound_of(options) else 0,
            self._prompt_result,
            attrgetter("compressed_tokens"),
        )
        made = work.made(options, fine=True)
        form = made.form
        if made.bound is None:
            return _told(form, form.compressed_tokens / form.original_tokens if form.original_tokens else 0.0, options)
        if form.reason is Reason.PINNED_OVER_BUDGET and made.bound.met is None:
            return form
        return replace(form, reason=_reason(form.status, form.reason, made.bound, met=made.met))

    def _prompt_result(self, forms: Forms) -> CompressionResult:
        (part,) = forms.parts
        if not part.recalled:
            return part.result
        text = forms.texts[0, None]
        result = with_recalled(part.result, part.recalled)
        return replace(result, text=text, token_ids=tuple(self._pipeline.tokenizer.ids(text)), embeds=None)

    def _kept_share(self, parts: Sequence[PartResult]) -> float:
        """Tokens of the compressed texts with what was recalled into any, as a share of what they had."""
        results = [part.result for part in parts if part.result.status is Status.COMPRESSED]
        back = sum(self._pipeline.tokenizer.count("\n".join(part.recalled)) for part in parts)
        original = sum(result.original_tokens for result in results)
        return (sum(result.compressed_tokens for result in results) + back) / original if original else 0.0

    def _result(
        self, messages: Messages, tools: Tools, total: int, forms: Forms, realise: Realisation
    ) -> MessagesResult:
        forwarded = replace_texts(messages, forms.texts)
        timings: Counter[str] = Counter()
        for outcome in forms.parts:
            timings.update(outcome.result.timings_ms)
        tokenizer = self._pipeline.tokenizer
        count = tokenizer.count_messages(forwarded, tools) if forms.texts else total
        parts = [self._with_seams(part, forms) for part in forms.parts] if realise == "tokens" else forms.parts
        for outcome in parts:
            # Ids or vectors are forwarded in the place of the text.
            if outcome.retokenised is not None:
                count += len(outcome.result.token_ids) - len(outcome.retokenised)
            elif (vectors := outcome.embedded) is not None:
                count += len(vectors) - tokenizer.count(outcome.result.text)
        status, reason = _verdict(forms.parts)
        return MessagesResult(forwarded, total, count, status, reason, tuple(parts), dict(timings))

    def _with_seams(self, part: PartResult, forms: Forms) -> PartResult:
        """A part with the ids that its new text has by itself, where its seams make them others."""
        if part.recalled or (part.message, part.part) not in forms.texts:
            return part
        ids = tuple(self._pipeline.tokenizer.ids(part.result.text))
        return part if ids == part.result.token_ids else replace(part, retokenised=ids)


def _told(form: R, share: float, options: CompressionOptions) -> R:
    """A form that no bound had a say in: what a question gets back of its own document may be over the ratio."""
    over = form.status is Status.COMPRESSED and share - 1 / options.ratio > MISSED
    told = options.stability == "document" and over and form.reason is Reason.OK
    return replace(form, reason=Reason.BUDGET_MISSED) if told else form


def _reason(status: Status, reason: Reason, bound: Bound, *, met: bool) -> Reason:
    """What is told of a form that a bound had a say in."""
    if met:
        return bound.met or reason
    # Where nothing may be compressed at all, that is the better answer to why the bound is missed.
    untouchable = status is not Status.COMPRESSED and reason in (Reason.WHOLE_TEXT_TASK, Reason.MODE_OFF)
    return reason if untouchable else bound.missed


def _verdict(parts: Sequence[PartResult]) -> tuple[Status, Reason]:
    """The chat's status: compressed if any text was; else the weightiest reason why not."""
    compressed = [part.result for part in parts if part.result.status is Status.COMPRESSED]
    if compressed or any(part.recalled for part in parts):
        missed = [result.reason for result in compressed if result.reason is not Reason.OK]
        return Status.COMPRESSED, missed[0] if missed else Reason.OK
    reasons = {part.result.reason for part in parts}
    reason = next((r for r in WEIGHTIEST_FIRST if r in reasons), Reason.NOTHING_TO_COMPRESS)
    return (Status.OFF if reason is Reason.MODE_OFF else Status.SKIPPED), reason
