"""Embeddings: the vectors of the tokens that stay, and one for each stretch of those that go.

The only stage beside the encoders that looks anything up in a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from semtoken.datamodels import BoolArray, FloatArray, IntArray
from semtoken.errors import InvalidOptionError, ModelNotFoundError
from semtoken.realise.embedding_table import EmbeddingTable
from semtoken.realise.merging import MERGES, MergeName, rarest
from semtoken.realise.seams import KeptTokens
from semtoken.scaling import surprise

DEFAULT_MERGE: MergeName = "rarest"
SHARE = 0.05
"""Share of the budget that merged vectors get."""
SHORTEST = 32
"""Fewest tokens that one vector stands for."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """The forwarded form of a text as vectors."""

    vectors: FloatArray = field(repr=False)
    """(v, d) in the order of the text."""
    token_ids: tuple[int, ...] = field(repr=False)
    """(v,) the token of each vector; of a merged one the rarest of its tokens."""
    stretches: IntArray
    """(s, 2) first token and end of each stretch that became one vector, in the original's tokens."""


class Embedder:
    """Builds input embeddings for one served model; its table is opened at the first look-up.

    ``share`` is what part of a budget merged vectors get, ``shortest`` the fewest tokens that one of
    them stands for. With a share of 0 nothing is merged, and the vectors are those of the kept tokens.
    """

    def __init__(
        self,
        model: str | Path | None,
        *,
        merge: MergeName = DEFAULT_MERGE,
        share: float = SHARE,
        shortest: int = SHORTEST,
    ) -> None:
        self._model = model
        self._merge = MERGES[merge]
        self._share = share
        self._shortest = shortest

    @cached_property
    def table(self) -> EmbeddingTable:
        """The model's table; raises ``InvalidOptionError`` where there is none to be had, and says why."""
        if self._model is None:
            raise InvalidOptionError("realise: 'embeds' needs the folder of the served model", param="realise")
        try:
            return EmbeddingTable.from_pretrained(self._model)
        except ModelNotFoundError as error:
            raise InvalidOptionError(f"realise: 'embeds' is not possible: {error}", param="realise") from error

    def reserve(self, budget: int) -> int:
        """Vectors of ``budget`` that are left for merged stretches."""
        return int(self._share * budget)

    def embed(self, ids: Sequence[int]) -> FloatArray:
        """Vectors (tokens, d) of token ids, nothing merged."""
        return self.table.rows(ids)

    def realise(self, ids: IntArray, kept: KeptTokens, budget: int) -> Embedded:
        """Vectors for the ids ``kept``, and merged ones for what is gone of the original's ``ids`` (t,).

        Merged vectors take what ``kept`` leaves of ``budget``, but no more than the reserve. The
        stretches of one run of dropped tokens are of equal length, up to one token; a run that is too
        short for one leaves nothing.
        """
        room = min(budget - len(kept.ids), self.reserve(budget))
        stretches = _stretches(kept.gone, room, self._shortest)
        rarity = surprise(ids)
        shown = [ids[first + rarest(rarity[first:end])] for first, end in stretches.tolist()]
        # Every stretch has its place at the first of its tokens.
        order = np.argsort(np.concatenate((kept.places, stretches[:, 0])), kind="stable")
        forwarded = np.concatenate((kept.ids, np.array(shown, dtype=np.int64)))[order]
        vectors = self.embed(forwarded.tolist())
        rows = np.flatnonzero(order >= len(kept.ids))
        for (first, end), row in zip(stretches.tolist(), rows, strict=True):
            merged = self._merge.merge(self.embed(ids[first:end].tolist()), rarity[first:end])
            vectors[row] = self.table.rounded(merged)
        return Embedded(vectors, tuple(forwarded.tolist()), stretches)


def _stretches(gone: BoolArray, room: int, shortest: int) -> IntArray:
    """At most ``room`` stretches (s, 2) of tokens that are ``gone``, as many as there can be."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], gone, [False])).astype(np.int8)))
    firsts, ends = edges[0::2], edges[1::2]
    lengths = ends - firsts
    length = max(shortest, 1)
    while room > 0 and int((lengths // length).sum()) > room:
        length += 1
    if room <= 0 or not (lengths // length).any():
        return np.zeros((0, 2), dtype=np.int64)
    parts = [
        np.linspace(first, end, int(count) + 1).round().astype(np.int64)
        for first, end, count in zip(firsts, ends, lengths // length, strict=True)
        if count
    ]
    return np.concatenate([np.stack((cuts[:-1], cuts[1:]), axis=1) for cuts in parts])
