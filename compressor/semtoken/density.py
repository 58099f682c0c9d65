"""Semantic density of units: how much a unit says, and how much of that is new."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import BoolArray, Clusters, Encoding, FloatArray, IntArray, Segmentation
from semtoken.scaling import unit_rows, unit_sums, zscore

WEIGHTS = {"trace": 1.0, "names": 1.0, "centrality": 0.5, "novelty": 0.25, "template": 0.25}
"""By answers kept without the question on the tuning half of six data sets (docs/evaluation.md)."""


def density(segmentation: Segmentation, encoding: Encoding, clusters: Clusters) -> FloatArray:
    """Density of each unit (n,), z-scored over the text's content units.

    Adds up five parts, each z-scored: the trace of the covariance of the unit's token vectors,
    H(T) = tr(Cov({f(x) : x in T})) of SemToken (arXiv 2508.15190); the share of its words that name
    something (:func:`naming_share`); centrality, the cosine to the mean of all unit vectors, against
    asides; novelty against every earlier unit; of a log line the rarity of its template.
    """
    content = segmentation.content
    parts = {
        "trace": covariance_trace(encoding.vectors, encoding.bounds),
        "names": naming_share(segmentation),
        "centrality": centrality(encoding.units, content),
        "novelty": clusters.novelty,
        "template": clusters.template_rarity,
    }
    total = sum(weight * zscore(parts[name], content) for name, weight in WEIGHTS.items())
    return zscore(np.asarray(total, dtype=np.float32), content)


def naming_share(segmentation: Segmentation) -> FloatArray:
    """Share of each unit's words that hold a digit or begin with a capital, its first word aside, (n,).

    Names and figures are what questions ask for. Scripts without case have the figures alone. Short
    units are held back by three words more in the denominator.
    """
    n = len(segmentation)
    codes = np.frombuffer(segmentation.text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    distinct, inverse = np.unique(codes, return_inverse=True)
    characters = [chr(code) for code in distinct.tolist()]
    space, upper, digit = (
        np.array([trait(c) for c in characters], dtype=np.bool_)[inverse]
        for trait in (str.isspace, str.isupper, str.isdigit)
    )
    begins = ~space & np.append(True, space[:-1])
    begins[segmentation.starts] |= ~space[segmentation.starts]
    words = np.flatnonzero(begins)
    if not len(words):
        return np.zeros(n, dtype=np.float32)
    naming = upper[words] | (np.add.reduceat(digit.astype(np.int64), words) > 0)
    owner = np.searchsorted(segmentation.starts, words, side="right") - 1
    naming[np.flatnonzero(np.diff(owner, prepend=-1))] = False
    counts = np.bincount(owner, minlength=n)
    return np.asarray(np.bincount(owner, weights=naming, minlength=n) / (counts + 3), dtype=np.float32)


def centrality(units: FloatArray, content: BoolArray) -> FloatArray:
    """Cosine of each unit vector (n, d) with the mean of the content units' vectors, (n,)."""
    if not content.any():
        return np.zeros(len(units), dtype=np.float32)
    return np.asarray(units @ unit_rows(units[content].mean(axis=0, keepdims=True))[0], dtype=np.float32)


def covariance_trace(vectors: FloatArray, bounds: IntArray) -> FloatArray:
    """Trace of the covariance of each unit's token vectors, mean |x|^2 - |mean x|^2.

    ``vectors`` (t, d), ``bounds`` (n + 1,) give (n,); 0 for a unit with fewer than two tokens.
    """
    counts = np.diff(bounds)
    trace = np.zeros(len(counts), dtype=np.float32)
    filled = counts > 0
    if filled.any():
        starts, sizes = bounds[:-1][filled], counts[filled]
        squares = np.add.reduceat(np.einsum("td,td->t", vectors, vectors), starts) / sizes
        means = unit_sums(vectors, starts) / sizes[:, None]
        values = squares - np.einsum("nd,nd->n", means, means)
        trace[filled] = np.where(sizes > 1, np.maximum(values, 0.0), 0.0)
    return trace
