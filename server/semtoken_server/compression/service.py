"""The policy around a compression: whether to try, how long, and what follows when it fails."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from semtoken import CompressionResult, MessagesResult, Reason, Status

from semtoken_server.compression.backend import CompressedPrompt, CompressorBackend, Ran
from semtoken_server.compression.outcome import Outcome
from semtoken_server.engine_checks.realisable import RealisableCheck
from semtoken_server.engine_checks.tokenizer import TokenizerCheck
from semtoken_server.errors import CompressionUnavailableError
from semtoken_server.metrics import Metrics
from semtoken_server.options import RequestOptions

T = TypeVar("T")
SWITCHED_OFF = "quality_switched_off"
"""The reason of requests that the quality contract keeps from being compressed."""


class CompressionService:
    """Compresses within ``timeout_s``, and lets the prompt go on as it came when that does not work."""

    def __init__(
        self,
        backend: CompressorBackend,
        check: TokenizerCheck,
        realisable: Mapping[str, RealisableCheck],
        metrics: Metrics,
        *,
        timeout_s: float,
    ) -> None:
        self._backend = backend
        self._check = check
        self._realisable = realisable
        self._metrics = metrics
        self.timeout_s = timeout_s
        """Seconds that a compression may take, waiting included; may be changed at any time."""

    async def require(self, options: RequestOptions, checked: Container[str]) -> None:
        """Refuse a request for a realisation that cannot be had, also where its prompt is not compressed at all.

        ``checked`` are those that not every engine takes. Raises ``InvalidOptionError``. Where it cannot be told now
        the attempt to compress fails open.
        """
        if options.compression.realise in checked and options.compression.mode != "off":
            with suppress(CompressionUnavailableError):
                await self._realisable[options.compression.realise].require(options.model)

    async def chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        options: RequestOptions,
        tools: Sequence[Mapping[str, Any]] | None,
    ) -> tuple[Outcome, MessagesResult | None]:
        """Compress a chat; None instead of the form when it could not be compressed.

        Raises ``CompressionUnavailableError`` when that happens and ``on_failure`` is ``closed``,
        ``InvalidInputError`` and ``InvalidOptionError``.
        """
        began = time.perf_counter()
        work = self._backend.compress_messages
        ran, reason = await self._attempt(
            options,
            ("embeds", "tokens"),
            lambda: work(messages, options.compression, tools, timeout_s=self.timeout_s, tenant=options.tenant),
        )
        if ran is None:
            # Uncompressed now, compressed a turn ago: the engine's prefix cache misses.
            if any(message.get("role") == "assistant" for message in messages):
                self._metrics.prefix_breaks.labels("failed_open").inc()
            return self._failed_open(reason, began), None
        form = ran.value
        for cause in form.prefix_breaks:
            self._metrics.prefix_breaks.labels(cause).inc()
        self._observe_stages(form.timings_ms, ran.ran_s)
        reason = _reason(options, form.status, form.reason)
        if reason == SWITCHED_OFF:
            self._count_withheld(messages)
        outcome = Outcome(
            str(form.status),
            reason,
            form.original_tokens,
            form.forwarded_tokens,
            _ms_since(began),
            ran.queued_s,
            form.timings_ms,
        )
        return self._observed(outcome), form

    async def prompts(
        self, prompts: Sequence[str], options: RequestOptions, *, special_tokens: bool
    ) -> tuple[Outcome, tuple[CompressedPrompt, ...] | None]:
        """Compress the prompts of a completion; None instead of them when they could not be compressed.

        Raises what :meth:`chat` raises.
        """
        began = time.perf_counter()
        work = self._backend.compress_prompts
        ran, reason = await self._attempt(
            options,
            ("embeds",),
            lambda: work(
                prompts,
                options.compression,
                special_tokens=special_tokens,
                timeout_s=self.timeout_s,
                tenant=options.tenant,
            ),
        )
        if ran is None:
            return self._failed_open(reason, began), None
        done = ran.value
        timings: Counter[str] = Counter()
        for prompt in done:
            timings.update(prompt.result.timings_ms)
            # The whole is told once for the request, whose prompts are compressed one after the other.
            self._observe_stages(prompt.result.timings_ms, ran.ran_s if prompt is done[0] else None)
        # One status for the request: that of a prompt which the engine will refuse, else compressed if any was.
        told = max((prompt.result for prompt in done), key=_weight)
        outcome = Outcome(
            str(told.status),
            _reason(options, told.status, told.reason),
            sum(prompt.original_tokens for prompt in done),
            sum(len(prompt.ids) for prompt in done),
            _ms_since(began),
            ran.queued_s,
            timings,
        )
        return self._observed(outcome), done

    async def text(self, text: str, query: str | None, options: RequestOptions) -> CompressionResult:
        """Compress a text for its own sake; there is nothing to fall back to.

        Raises what :meth:`chat` raises, ``CompressionUnavailableError`` whatever ``on_failure`` says.
        """
        ran = await self._backend.compress_text(
            text, query, options.compression, timeout_s=self.timeout_s, tenant=options.tenant
        )
        self._metrics.encoder_queue_seconds.observe(ran.queued_s)
        self._observe_stages(ran.value.timings_ms, ran.ran_s)
        return ran.value

    async def messages(
        self,
        messages: Sequence[Mapping[str, Any]],
        options: RequestOptions,
        tools: Sequence[Mapping[str, Any]] | None,
    ) -> MessagesResult:
        """Compress a chat for its own sake; raises what :meth:`text` raises."""
        ran = await self._backend.compress_messages(
            messages, options.compression, tools, timeout_s=self.timeout_s, tenant=options.tenant
        )
        self._metrics.encoder_queue_seconds.observe(ran.queued_s)
        self._observe_stages(ran.value.timings_ms, ran.ran_s)
        return ran.value

    def withhold(self, messages: Sequence[Mapping[str, Any]] = ()) -> Outcome:
        """The outcome of a request that is not looked at while compression is switched off, counted."""
        self._count_withheld(messages)
        return self.bypass("skipped", SWITCHED_OFF)

    def bypass(self, status: str, reason: str) -> Outcome:
        """The outcome of a request that is not looked at, counted."""
        return self._observed(Outcome(status, reason))

    async def _attempt(
        self, options: RequestOptions, checked: Container[str], work: Callable[[], Awaitable[Ran[T]]]
    ) -> tuple[Ran[T] | None, str]:
        """What ``work`` returns, or None and the reason why it has nothing."""
        try:
            self._check.require_match(options.model)
            if options.compression.realise in checked:
                await self._realisable[options.compression.realise].require(options.model)
            ran = await work()
        except CompressionUnavailableError as error:
            if options.on_failure == "closed":
                self._metrics.compression_requests.labels("refused", error.reason).inc()
                raise
            return None, error.reason
        self._metrics.encoder_queue_seconds.observe(ran.queued_s)
        return ran, ""

    def _count_withheld(self, messages: Sequence[Mapping[str, Any]]) -> None:
        # Uncompressed now, compressed a turn ago: the engine's prefix cache misses.
        if any(message.get("role") == "assistant" for message in messages):
            self._metrics.prefix_breaks.labels("quality_switch").inc()

    def _failed_open(self, reason: str, began: float) -> Outcome:
        return self._observed(Outcome("failed-open", reason, compress_ms=_ms_since(began)))

    def _observed(self, outcome: Outcome) -> Outcome:
        self._metrics.compression_requests.labels(outcome.status, outcome.reason).inc()
        original, forwarded = outcome.original_tokens, outcome.forwarded_tokens
        if original is not None and forwarded is not None:
            self._metrics.prompt_tokens.labels("original").inc(original)
            self._metrics.prompt_tokens.labels("forwarded").inc(forwarded)
            if outcome.status == Status.COMPRESSED and forwarded:
                self._metrics.compression_ratio.observe(original / forwarded)
        return outcome

    def _observe_stages(self, timings_ms: Mapping[str, float], ran_s: float | None) -> None:
        """The stages as the library timed them; as ``total`` all that it did, planning and counting too."""
        for stage, milliseconds in timings_ms.items():
            if stage != "total":
                self._metrics.compression_seconds.labels(stage).observe(milliseconds / 1000)
        if ran_s is not None:
            self._metrics.compression_seconds.labels("total").observe(ran_s)


def _weight(result: CompressionResult) -> tuple[bool, bool]:
    return result.reason is Reason.WINDOW_MISSED, result.status is Status.COMPRESSED


def _reason(options: RequestOptions, status: Status, reason: Reason) -> str:
    """The reason to tell: what is not compressed while that is switched off was only looked at for its length."""
    switched_off = options.withheld and status is Status.SKIPPED and reason is Reason.RATIO_ONE
    return SWITCHED_OFF if switched_off else str(reason)


def _ms_since(began: float) -> float:
    return (time.perf_counter() - began) * 1000
