"""Which units fit a token budget: a greedy fractional knapsack, vectorised."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import BoolArray, FloatArray, IntArray

ROUNDS = 12


def unit_costs(token_starts: IntArray, unit_starts: IntArray, total: int) -> IntArray:
    """Served-model tokens of each unit (n,): tokens that start inside it; they sum to ``total``.

    ``token_starts`` (t,) and ``unit_starts`` (n,) are character offsets, rising.
    """
    if not len(unit_starts):
        return np.zeros(0, dtype=np.int64)
    edges = np.searchsorted(token_starts, unit_starts)
    edges[0] = 0  # a tokenizer may start its first token behind leading white space
    return np.diff(np.append(edges, total)).astype(np.int64)


def allocate(value: FloatArray, costs: IntArray, required: BoolArray, content: BoolArray, budget: int) -> BoolArray:
    """Choose content units of the highest value per token within ``budget`` tokens, (n,).

    ``required`` units stay in any case and are paid for first. ``value`` is worth per token, so
    that taking units from the highest down is the optimum of the fractional knapsack (Dantzig,
    1957); what is then left over is filled with the best units that still fit. Ties go to the
    earlier unit.
    """
    keep = required.copy()
    left = budget - int(costs[required].sum())
    open_ = content & ~required
    for _ in range(ROUNDS):
        rows = np.flatnonzero(open_ & (costs <= left))
        if not len(rows):
            break
        rows = rows[np.argsort(-value[rows], kind="stable")]
        fits = np.cumsum(costs[rows]) <= left
        # The run of units from the top that fits; the first that does not is passed over.
        taken = rows[: int(np.argmin(fits))] if not fits.all() else rows
        keep[taken] = True
        left -= int(costs[taken].sum())
        open_[taken] = False
        if fits.all():
            break
        open_[rows[len(taken)]] = False
    return keep
