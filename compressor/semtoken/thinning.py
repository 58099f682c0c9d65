"""Thinning: inside a unit, the token clusters that say least give way.

Off by default: small and mid-size frozen models need fluent text (ADR 0002).
"""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import BoolArray, Encoding, FloatArray, IntArray, Segmentation

KEEP_SHARE = 0.6
"""Share of a thinned unit's clusters that stays."""
TAU = 0.7
"""Cosine similarity above which neighbouring tokens form one cluster (the paper's threshold)."""


def thin_ranges(segmentation: Segmentation, encoding: Encoding, surprise: FloatArray, unit: int) -> IntArray:
    """Character ranges (r, 2) of ``unit`` that stay when it is thinned.

    Neighbouring tokens go or stay together where they belong to one word or their cosine
    similarity passes ``TAU``: the local clusters of SemToken (arXiv 2508.15190). A cluster is
    worth its part in the unit's semantic density, |x - mean|^2 over the unit's token vectors, plus
    its surprise within the text, ``surprise`` (t,). Clusters that touch an atom stay.
    """
    first, last = int(encoding.bounds[unit]), int(encoding.bounds[unit + 1])
    start, end = int(segmentation.starts[unit]), int(segmentation.ends[unit])
    if last - first < 4:
        return np.array([[start, end]], dtype=np.int64)
    starts = encoding.token_starts[first:last]
    one_word = starts[1:] == encoding.token_ends[first : last - 1]
    alike = _similarity_to_next(encoding.vectors[first:last]) >= TAU
    firsts = np.flatnonzero(np.append(True, ~(one_word | alike)))
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


def _similarity_to_next(vectors: FloatArray) -> FloatArray:
    lengths = np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)
    products = np.einsum("td,td->t", vectors[:-1], vectors[1:])
    return np.asarray(np.round(products / (lengths[:-1] * lengths[1:]), 4))


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
