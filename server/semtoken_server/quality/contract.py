"""The quality contract of one gateway process: draws samples, has them scored, and switches compression off."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from semtoken_server.bodies import JsonBody
from semtoken_server.compression.outcome import Outcome
from semtoken_server.engines.base import Engine
from semtoken_server.errors import EngineError
from semtoken_server.metrics import Metrics
from semtoken_server.options import RequestOptions
from semtoken_server.quality.models import ListedModels
from semtoken_server.quality.prompts import NotReplayableError, read_answer, replayable
from semtoken_server.quality.replay import Exchange, Replayer
from semtoken_server.quality.sample import Room, Sample
from semtoken_server.quality.shared import SharedState
from semtoken_server.quality.switch import Switch
from semtoken_server.settings import Settings

logger = logging.getLogger(__name__)

_TICK_S = 1.0
# Over the context as they came: the engine would not take the full prompt.
_OVER_CONTEXT = ("fit_window", "window_missed")


class QualityContract:
    """Does nothing where ``quality_share`` is 0.

    ``draw`` gives numbers in [0, 1), by default such that no client can foresee, ``clock`` seconds that all
    workers of a gateway share. With ``shared`` the workers that use this file follow one another's switching.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        metrics: Metrics,
        *,
        draw: Callable[[], float] | None = None,
        clock: Callable[[], float] = time.monotonic,
        shared: Path | None = None,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._draw = draw or random.SystemRandom().random
        self._models = ListedModels(engine)
        self._replayer = Replayer(engine, settings.quality_priority)
        self._switch = Switch(settings.quality_max_drift, settings.quality_min_samples, settings.quality_probe_s, clock)
        self._shared = None if shared is None else SharedState(shared)
        self._room = Room()
        self._waiting: asyncio.Queue[Sample] = asyncio.Queue()
        self._answering = 0
        self._enabled = settings.quality_share > 0

    def reconfigure(self, settings: Settings) -> None:
        """Take over other settings: what counts as the server's own compression, say.

        Samples of another compression no longer count. A model that is switched off stays so until its probe.
        """
        if settings.compression != self._settings.compression:
            self._switch.forget()
        self._settings = settings

    # --- on the way of a request

    def restrained(self, options: RequestOptions, model: str | None) -> RequestOptions:
        """The options, or those under which nothing is compressed that fits the context.

        That is while the model's compression is switched off; during a probe it is for all requests but a
        share. Not for who asks for compression with an option of its own, ``mode: force`` or
        ``target_tokens``: that is a wish, not the gateway's judgement.
        """
        if not self._enabled or self._wished(options) or (name := self._models.known(model)) is None:
            return options
        phase = self._switch.phase(name)
        if phase == "on":
            return options
        if phase == "probing" and self._ordinary(options) and self._draw() < self._settings.quality_share:
            return options
        uncompressed = options.compression.model_copy(update={"ratio": 1.0})
        return replace(options, compression=uncompressed, withheld=True)

    def sample(
        self, path: str, body: JsonBody, forwarded: bytes, options: RequestOptions, outcome: Outcome, request_id: str
    ) -> Sample | None:
        """The request as a sample, if it is drawn: one that was compressed as the server's own settings say.

        Others would let a client's ``ratio: 20`` decide about everybody's compression.
        """
        if not self._enabled or outcome.status != "compressed" or outcome.reason in _OVER_CONTEXT:
            return None
        if not self._ordinary(options) or not self._drawn(body.data.get("model")):
            return None
        try:
            if not replayable(path, body.data):
                raise NotReplayableError("unsupported")
            return Sample.drawn(path, request_id, body.raw, forwarded, outcome.forwarded_tokens, self._room)
        except NotReplayableError as error:
            self._metrics.quality_replays.labels(error.outcome).inc()
            return None

    @contextmanager
    def answering(self, sample: Sample | None) -> Iterator[None]:
        """While a generation is answered; after it the sample waits to be scored."""
        self._answering += 1
        try:
            yield
        finally:
            self._answering -= 1
            if sample is not None:
                self._waiting.put_nowait(sample)

    def states(self) -> dict[str, str]:
        """What became of each model that was sampled, for people."""
        told = {}
        for model in self._switch.models:
            mean, phase = self._switch.mean(model), self._switch.phase(model)
            measured = "" if mean is None else f", drift {mean:.3f} nats per token"
            told[model] = {"on": "compressed", "off": "switched off", "probing": "probing"}[phase] + measured
        return told

    # --- behind it

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Score samples, one at a time, and follow other workers' switches."""
        tasks = [asyncio.create_task(self._work()), asyncio.create_task(self._follow())] if self._enabled else []
        try:
            yield
        finally:
            self.drain()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def drain(self) -> None:
        """Draw no more samples, and score none of those that wait."""
        self._enabled = False

    async def _work(self) -> None:
        while True:
            sample = await self._waiting.get()
            try:
                outcome = await self._scored(sample)
            finally:
                sample.release()
            self._metrics.quality_replays.labels(outcome).inc()

    async def _scored(self, sample: Sample) -> str:
        """Score one; the word for what came of it, whatever it failed of."""
        if not self._enabled:
            return "stopped"
        if self._answering > self._settings.quality_max_inflight:
            return "busy"
        scoring = asyncio.create_task(self._score(sample))
        try:
            await asyncio.wait((scoring,), timeout=self._settings.quality_timeout_s)
            if not scoring.done():
                return "timeout"
            error = scoring.exception()
        finally:
            scoring.cancel()
        if error is None:
            return "scored"
        if isinstance(error, NotReplayableError):
            return error.outcome
        if not isinstance(error, EngineError):
            # Its kind alone: a message could quote a prompt.
            logger.error("a quality replay failed with %s", type(error).__name__)
        return "failed"

    async def _score(self, sample: Sample) -> None:
        answer = read_answer(sample.answer(), streamed=sample.streamed)
        exchange = Exchange(
            sample.path,
            sample.request_id,
            orjson.loads(sample.original),
            orjson.loads(sample.forwarded),
            answer,
            sample.forwarded_tokens,
        )
        model = await self._models.name(exchange.model)
        self._observe(model, await self._replayer.drift(exchange))

    def _observe(self, model: str, drift: float) -> None:
        self._metrics.quality_drift.labels(model).observe(drift)
        before = self._switch.phase(model)
        after = self._switch.observe(model, drift)
        mean = self._switch.mean(model)
        if mean is not None:
            self._metrics.quality_mean_drift.labels(model).set(mean)
        if after == before:
            self._tell(model)
            return
        logger.warning(
            "compression for the model %s is %s: the last answer sampled drifts by %.3f nats per token, the limit "
            "of the mean is %g",
            model,
            "switched off" if after == "off" else "on again",
            drift,
            self._switch.max_drift,
        )
        self._tell(model)
        if self._shared is not None:
            self._shared.publish(self._switch, model)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            if self._shared is not None:
                for model in self._shared.follow(self._switch):
                    self._tell(model)

    def _tell(self, model: str) -> None:
        self._metrics.quality_switched_off.labels(model).set(self._switch.phase(model) != "on")

    def _drawn(self, model: Any) -> bool:
        name = self._models.known(model if isinstance(model, str) else None)
        phase = "on" if name is None else self._switch.phase(name)
        # Those that a probe lets through were drawn for it.
        return phase == "probing" or (phase == "on" and self._draw() < self._settings.quality_share)

    def _wished(self, options: RequestOptions) -> bool:
        asked = options.compression
        forced = asked.mode == "force" and self._settings.compression.mode != "force"
        return forced or asked.mode == "off" or asked.target_tokens is not None

    def _ordinary(self, options: RequestOptions) -> bool:
        """Whether nothing was asked for that makes a compression worse than the server's own."""
        asked, own = options.compression, self._settings.compression
        return (
            asked.realise != "embeds"
            and asked.query is None
            and asked.target_tokens is None
            and (asked.mode, asked.ratio, asked.stability, asked.roles)
            == (own.mode, own.ratio, own.stability, own.roles)
        )
