"""What shares the rare words; terms are the encoder's vocabulary, so that no script needs a word splitter.

What stands where is a list (:class:`Occurrences`), never a table of units by terms: a long text has ten thousands of
units and a long query hundreds of terms.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from semtoken.datamodels import BoolArray, Encoding, FloatArray, IntArray

K1, B = 1.2, 0.75


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Which of some distinct terms stand in which units: one entry for each pair, by unit, then by term."""

    units: IntArray = field(repr=False)
    """(p,)."""
    terms: IntArray = field(repr=False)
    """(p,) places among the distinct terms, these in their order by id."""
    counts: IntArray = field(repr=False)
    """(p,) how often the term stands in the unit, 1 or more."""
    distinct: int
    """Number of terms."""

    def among(self, chosen: BoolArray) -> Occurrences:
        """Those in the ``chosen`` units (n,)."""
        rows = chosen[self.units]
        return Occurrences(self.units[rows], self.terms[rows], self.counts[rows], self.distinct)

    def units_with(self) -> IntArray:
        """Number of units that hold each term, (terms,)."""
        return np.bincount(self.terms, minlength=self.distinct)


def occurrences(encoding: Encoding, query_ids: IntArray) -> Occurrences:
    """Where the distinct tokens of ``query_ids`` stand in a text."""
    terms = np.unique(query_ids)
    places = np.searchsorted(terms, encoding.token_ids)
    places[places == len(terms)] = 0
    hit = terms[places] == encoding.token_ids
    return _counted(_owners(encoding)[hit], places[hit], len(terms))


def bm25(encoding: Encoding, query_ids: IntArray) -> FloatArray:
    """BM25 (Robertson and Zaragoza, 2009) of each unit for the query's distinct tokens, (n,).

    Units are the documents and the encoder's vocabulary the terms, so that rare
    words are several terms and weigh accordingly.
    """
    sizes = np.diff(encoding.bounds)
    found = occurrences(encoding, query_ids)
    units_with = found.units_with()
    filled = max(1, int((sizes > 0).sum()))
    idf = np.log1p((filled - units_with + 0.5) / (units_with + 0.5))
    length = 1.0 - B + B * sizes / max(1.0, sizes.sum() / filled)
    parts = idf[found.terms] * found.counts * (K1 + 1.0) / (found.counts + K1 * length[found.units])
    return np.bincount(found.units, weights=parts, minlength=len(sizes)).astype(np.float32)


def lexical_coverage(encoding: Encoding, query_ids: IntArray) -> FloatArray:
    """Share of the query's idf mass that stands in each unit, in [0, 1], (n,)."""
    units = len(encoding.bounds) - 1
    found = occurrences(encoding, query_ids)
    idf = rarity(found.units_with(), units)
    covered = np.bincount(found.units, weights=idf[found.terms], minlength=units)
    return np.asarray(covered / max(float(idf.sum()), 1e-9), dtype=np.float32)


def adjacent_pairs(encoding: Encoding, query_ids: IntArray) -> FloatArray:
    """Share of the query's distinct pairs of neighbouring tokens that stand in each unit, in [0, 1], (n,)."""
    pairs = np.unique(_pairs(query_ids))
    owners = _owners(encoding)
    hit = (owners[:-1] == owners[1:]) & np.isin(_pairs(encoding.token_ids), pairs)
    places = np.searchsorted(pairs, _pairs(encoding.token_ids)[hit])
    found = _counted(owners[:-1][hit], places, max(1, len(pairs)))
    held = np.bincount(found.units, minlength=len(encoding.bounds) - 1)
    return np.asarray(held / found.distinct, dtype=np.float32)


def rarity(units_with: IntArray, units: int) -> FloatArray:
    """Inverse document frequency of terms that stand in ``units_with`` (terms,) of ``units`` units, (terms,)."""
    return np.asarray(np.log1p(units / (units_with + 0.5)), dtype=np.float32)


def _counted(units: IntArray, terms: IntArray, distinct: int) -> Occurrences:
    cells, counts = np.unique(units * distinct + terms, return_counts=True)
    return Occurrences(cells // distinct, cells % distinct, counts, distinct)


def _owners(encoding: Encoding) -> IntArray:
    """The unit of each token, (t,)."""
    return np.repeat(np.arange(len(encoding.bounds) - 1), np.diff(encoding.bounds))


def _pairs(ids: IntArray) -> IntArray:
    return (ids[:-1] << 32) + ids[1:]
