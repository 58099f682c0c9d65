"""Thinning: inside a unit, the words that say least give way.

Off by default: small and mid-size frozen models need fluent text (ADR 0002).
"""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import BoolArray, Encoding, FloatArray, IntArray, Segmentation

KEEP_SHARE = 0.6
"""Share of a thinned unit's words that stays."""


def thin_ranges(segmentation: Segmentation, encoding: Encoding, surprise: FloatArray, unit: int) -> IntArray:
    """Character ranges (r, 2) of ``unit`` that stay when it is thinned.

    Neighbouring tokens of one word go or stay together. A word is worth its part in the unit's
    semantic density, |x - mean|^2 over the unit's token vectors, plus its surprise within the
    text, ``surprise`` (t,). Words that touch an atom stay.
    """
    first, last = int(encoding.bounds[unit]), int(encoding.bounds[unit + 1])
    start, end = int(segmentation.starts[unit]), int(segmentation.ends[unit])
    if last - first < 4:
        return np.array([[start, end]], dtype=np.int64)
    starts = encoding.token_starts[first:last]
    word = np.append(0, np.cumsum(starts[1:] != encoding.token_ends[first : last - 1]))
    firsts = np.flatnonzero(np.append(True, np.diff(word) > 0))
    edges = np.append(starts[firsts], end)
    edges[0] = start
    worth = np.add.reduceat(_token_worth(encoding, surprise, first, last), firsts) / np.diff(
        np.append(firsts, last - first)
    )
    stays = _touches_atom(edges, segmentation.atoms)
    quota = int(np.ceil(KEEP_SHARE * len(firsts)))
    order = np.argsort(-np.round(np.where(stays, np.inf, worth), 4), kind="stable")
    stays[order[: max(quota, int(stays.sum()))]] = True
    rows = np.flatnonzero(stays)
    return np.stack((edges[rows], edges[rows + 1]), axis=1)


def _token_worth(encoding: Encoding, surprise: FloatArray, first: int, last: int) -> FloatArray:
    vectors = encoding.vectors[first:last]
    spread = ((vectors - vectors.mean(axis=0)) ** 2).sum(axis=1)
    rare = surprise[first:last]
    return np.asarray(spread / max(float(spread.mean()), 1e-9) + rare / max(float(rare.mean()), 1e-9))


def _touches_atom(edges: IntArray, atoms: IntArray) -> BoolArray:
    if not len(atoms):
        return np.zeros(len(edges) - 1, dtype=np.bool_)
    index = np.searchsorted(atoms[:, 1], edges[:-1], side="right")
    inside = index < len(atoms)
    touching = np.zeros(len(edges) - 1, dtype=np.bool_)
    touching[inside] = atoms[index[inside], 0] < edges[1:][inside]
    return touching
