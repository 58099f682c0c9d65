"""Whether a model's prompts may still be compressed, from the drift of the answers sampled of late."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Phase = Literal["on", "off", "probing"]

WINDOW = 2
"""Samples that the moving mean goes over, as a multiple of the least number."""
CERTAINTY = 3.0
"""Standard errors that the mean must be over the threshold. The mean is looked at after every sample, so a
bound that one look in twenty breaks would be broken by chance within the hour. It also makes the number of
high samples count rather than their height: of 20 samples, 6 may be as high as they like."""
CLIP = 4.0
"""What a sample counts at most, either way, in thresholds: one that is without bounds would widen the error
so far that a drift seen in all the others goes unnoticed."""


@dataclass(slots=True)
class ModelState:
    """What is known of one model."""

    samples: deque[float]
    phase: Phase = "on"
    since: float = field(default=0.0)
    """When it was last switched off."""

    @property
    def mean(self) -> float | None:
        """The moving mean, each sample clipped; None before the first."""
        return statistics.fmean(self.samples) if self.samples else None

    @property
    def surely(self) -> float:
        """The lower end of the mean's confidence bound; the samples must be two or more."""
        error = statistics.stdev(self.samples) / math.sqrt(len(self.samples))
        return statistics.fmean(self.samples) - CERTAINTY * error


class Switch:
    """Off when the mean drift is surely over ``max_drift``; a probe ``probe_s`` later; on when that is under it.

    Decides on ``min_samples`` samples or more, ``WINDOW`` times as many at most. To switch off takes a mean
    that is ``CERTAINTY`` standard errors over the threshold; a probe is judged by its mean alone, so that
    what was switched off for a cause does not come back on a guess. Drift is in nats per token,
    ``clock`` in seconds.
    """

    def __init__(self, max_drift: float, min_samples: int, probe_s: float, clock: Callable[[], float]) -> None:
        self.max_drift = max_drift
        self._min_samples = min_samples
        self._probe_s = probe_s
        self._clock = clock
        self._models: dict[str, ModelState] = {}

    @property
    def now(self) -> float:
        """Seconds on its clock."""
        return self._clock()

    @property
    def models(self) -> list[str]:
        """The models of which there was a sample."""
        return list(self._models)

    def mean(self, model: str) -> float | None:
        """The moving mean of a model's drift; None where there was no sample."""
        return state.mean if (state := self._models.get(model)) else None

    def phase(self, model: str) -> Phase:
        """Whether the model's prompts are compressed: ``on``, ``off``, or ``probing``, a share of them."""
        state = self._models.get(model)
        if state is None:
            return "on"
        if state.phase == "off" and self._clock() - state.since >= self._probe_s:
            self._enter(state, "probing")
        return state.phase

    def observe(self, model: str, drift: float) -> Phase:
        """One more sample; the phase after it."""
        phase = self.phase(model)
        if phase == "off":
            return phase  # of a prompt compressed before
        state = self._models.setdefault(model, ModelState(deque(maxlen=WINDOW * self._min_samples)))
        bound = CLIP * self.max_drift
        state.samples.append(min(max(drift, -bound), bound))
        if len(state.samples) < self._min_samples:
            return phase
        if phase == "on" and state.surely > self.max_drift:
            self.switch_off(model)
        elif phase == "probing" and statistics.fmean(state.samples) <= self.max_drift:
            self._enter(state, "on")
        elif phase == "probing":
            self.switch_off(model)
        return state.phase

    def forget(self) -> None:
        """What was sampled so far is of another compression; every phase stays."""
        for state in self._models.values():
            state.samples.clear()

    def switch_off(self, model: str, since: float | None = None) -> None:
        """Off from now, or from ``since`` on the clock."""
        state = self._models.setdefault(model, ModelState(deque(maxlen=WINDOW * self._min_samples)))
        state.phase = "off"
        state.since = self._clock() if since is None else since

    def switch_on(self, model: str) -> None:
        """On, as after a probe."""
        if state := self._models.get(model):
            self._enter(state, "on")

    def _enter(self, state: ModelState, phase: Phase) -> None:
        # What was seen before says nothing about what comes now.
        state.samples.clear()
        state.phase = phase
