"""Bounds on a whole prompt: which there are, and the form that meets one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor, log2
from typing import Generic, TypeVar

from semtoken.datamodels import Reason
from semtoken.options import CompressionOptions

F = TypeVar("F")

STEPS = 4
"""Ratios per doubling that a chat with a history may have: coarse, so that a growing chat rarely moves to the
next one and breaks the prefix that the engine has cached."""
ATTEMPTS = 5
CLOSE = 0.005
"""Share of a bound that may stay unused without another attempt."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The most tokens that a whole prompt may have, and how it is told whether it has them."""

    tokens: int
    cause: str
    """Of a prefix break."""
    missed: Reason
    met: Reason | None = None
    """None: what is told is the reason of the form itself."""
    at_least: int = 0
    """A looser bound that is worth meeting where ``tokens`` cannot be met."""

    @property
    def limits(self) -> tuple[int, ...]:
        """What to try, best first."""
        return (self.tokens, self.at_least) if self.at_least > self.tokens else (self.tokens,)


def bound_of(options: CompressionOptions) -> Bound | None:
    """The tighter of ``target_tokens`` and what the model's window leaves beside the answer."""
    bounds, target = [], options.target_tokens
    if target is not None:
        bounds.append(Bound(target, "target_tokens", Reason.TARGET_MISSED))
    if options.window_tokens is not None:
        # A window that is full to the last token leaves nothing to answer with.
        full = options.window_tokens - 1
        at_least = full if target is None else min(full, target)
        room = options.window_tokens - options.output_tokens
        bounds.append(Bound(room, "fit_window", Reason.WINDOW_MISSED, Reason.FIT_WINDOW, at_least))
    return min(bounds, key=lambda bound: bound.tokens, default=None)


@dataclass(frozen=True, slots=True)
class Scale(Generic[F]):
    """A planned prompt that can be made at any ratio."""

    make: Callable[[float], F]
    size: Callable[[F], int]
    """Tokens of the whole prompt in a form."""
    total: int
    """Tokens of the prompt as it came."""
    texts: tuple[int, ...]
    """Tokens of each text that may be compressed."""
    pinned: int
    """Tokens of these texts that stay in any case, as far as can be told beforehand."""

    @property
    def free(self) -> int:
        """Tokens that may be compressed."""
        return sum(self.texts)

    @property
    def fixed(self) -> int:
        """Tokens that no ratio changes."""
        return self.total - self.free

    @property
    def least(self) -> int:
        """Tokens that are hardly to be undercut."""
        return self.fixed + self.pinned


def closest(scale: Scale[F], limit: int) -> F | None:
    """The form with the most tokens within ``limit`` that a few attempts come to; None where none is within.

    Each attempt corrects the budget by what the last one missed: seams are tokenised anew, and texts do not
    fill their shares to the last token.
    """
    budget, best, filled = min(scale.free, limit - scale.fixed), None, -1
    tried: set[int] = set()
    while budget > 0 and budget not in tried and len(tried) < ATTEMPTS:
        tried.add(budget)
        form = scale.make(max(1.0, scale.free / budget))
        left = limit - scale.size(form)
        if left >= 0 and scale.size(form) > filled:
            best, filled = form, scale.size(form)
        # One text alone was filled as well as its units let it be.
        if 0 <= left <= CLOSE * limit or (left >= 0 and len(scale.texts) == 1):
            break
        budget += left
    return best


def mildest(scale: Scale[F], limit: int, above: float) -> tuple[F, bool]:
    """The form at the mildest coarse ratio over ``above`` with which it is within ``limit``, and whether it is.

    Where none is, the smallest of those tried, the strongest among them. Looks around the ratio that the
    numbers of tokens suggest, at distances that double, and then halves the interval: a form costs a pass over
    the whole prompt.
    """
    low = floor(STEPS * log2(above)) + 1
    high = max(low, ceil(STEPS * log2(max((1, *scale.texts)))))
    step = _suggested(scale, limit, low, high)
    failed, fitting, stride = low - 1, high + 1, 1
    found: F | None = None
    smallest: F | None = None
    while failed + 1 < fitting:
        form = scale.make(2.0 ** (step / STEPS))
        if scale.size(form) <= limit:
            found, fitting = form, step
        else:
            failed = step
        if smallest is None or scale.size(form) < scale.size(smallest):
            smallest = form
        if fitting > high:
            step = min(high, failed + stride)
        elif failed < low:
            step = max(low, fitting - stride)
        else:
            step = (failed + fitting) // 2
        stride *= 2
    if found is not None:
        return found, True
    return smallest if smallest is not None else scale.make(2.0 ** (high / STEPS)), False


def _suggested(scale: Scale[F], limit: int, low: int, high: int) -> int:
    if limit <= scale.least:
        return high  # Whether anything does, the strongest tells at once.
    return min(high, max(low, ceil(STEPS * log2(max(1.0, scale.free / (limit - scale.fixed))))))
