"""How much less likely the full prompt finds an answer that was given to the compressed one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScoredToken:
    """A token of a prompt and its log-probability, in nats, after the tokens before it."""

    token: str
    logprob: float | None
    """None for a prompt's first token."""


def drift(compressed: Sequence[ScoredToken], full: Sequence[ScoredToken], at_most: int) -> float | None:
    """Mean over the answer's tokens of ``log p(token | compressed) - log p(token | full)``, in nats per token.

    Both prompts end with the answer; its tokens are their common suffix, ``at_most`` so many. None where
    there is none.

    For an answer drawn from the model's own distribution after the compressed prompt (temperature 1, nothing
    cut off) this is an unbiased estimate, from one sample, of the Kullback-Leibler divergence
    ``KL(p_compressed || p_full)`` per token. A single figure may be negative; the mean over many may not.
    At another temperature, with ``top_p`` or ``top_k``, or for a greedy answer it is a likelihood ratio: how
    much the compressed prompt speaks for this answer more than the full one does. It is 0 where the
    compression changed nothing, and grows with what the answer owes to its having been cut.
    """
    differences: list[float] = []
    for one, other in zip(reversed(compressed), reversed(full), strict=False):
        if len(differences) >= at_most or one.token != other.token or one.logprob is None or other.logprob is None:
            break
        differences.append(one.logprob - other.logprob)
    return math.fsum(differences) / len(differences) if differences else None
