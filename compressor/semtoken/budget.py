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


def allocate(
    value: FloatArray,
    costs: IntArray,
    required: BoolArray,
    content: BoolArray,
    budget: int,
    headers: IntArray | None = None,
) -> BoolArray:
    """Choose content units of the highest value per token within ``budget`` tokens, (n,).

    ``required`` units stay in any case and are paid for first. ``value`` is worth per token, so
    that taking units from the highest down is the optimum of the fractional knapsack (Dantzig,
    1957); what is then left over is filled with the best units that still fit. Ties go to the
    earlier unit.

    ``headers`` (n,) names the unit without which a unit says nothing, or is -1. It comes with the
    first of its units that is chosen, which fits where both do; with a required one where it fits.
    """
    keep = required.copy()
    left = budget - int(costs[required].sum())
    open_ = content & ~required
    headers = np.full(len(value), -1, dtype=np.int64) if headers is None else headers
    for header in np.unique(headers[required & (headers >= 0)]).tolist():
        if open_[header] and costs[header] <= left:
            keep[header], open_[header] = True, False
            left -= int(costs[header])
    for _ in range(ROUNDS):
        owed = np.where((headers >= 0) & ~keep[headers], costs[headers], 0)
        rows = np.flatnonzero(open_ & (costs + owed <= left))
        if not len(rows):
            break
        rows = rows[np.argsort(-value[rows], kind="stable")]
        paid = _with_headers(rows, np.where(owed > 0, headers, -1), costs)
        fits = np.cumsum(paid) <= left
        # The run of units from the top that fits; the first that does not is passed over.
        taken = rows[: int(np.argmin(fits))] if not fits.all() else rows
        left -= int(paid[: len(taken)].sum())
        brought = headers[taken]
        keep[taken] = keep[brought[brought >= 0]] = True
        open_ &= ~keep
        if fits.all():
            break
        open_[rows[len(taken)]] = False
    return keep


def _with_headers(rows: IntArray, owed: IntArray, costs: IntArray) -> IntArray:
    """Costs of ``rows`` in their order: the first row to need a header that is ``owed`` (n,) pays for it, and the
    header itself no more."""
    paid = costs[rows]
    if not (owed >= 0).any():
        return paid
    table = np.where(owed[rows] >= 0, owed[rows], rows)
    is_header = np.isin(rows, owed)
    paid[is_header] = 0
    first = np.zeros(len(rows), dtype=np.bool_)
    first[np.unique(table, return_index=True)[1]] = True
    pays = first & (is_header | (owed[rows] >= 0))
    paid[pays] += costs[table[pays]]
    return paid
