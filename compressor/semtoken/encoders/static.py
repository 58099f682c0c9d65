"""Static encoders: a vector per token of the vocabulary, looked up; no network runs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tokenizers
from safetensors import SafetensorError
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from semtoken.datamodels import Encoding, FloatArray, IntArray
from semtoken.deadline import Deadline
from semtoken.encoders.base import EncoderInput
from semtoken.encoders.tiles import OnBatch, ignore
from semtoken.encoders.tokens import tokenise
from semtoken.encoders.windows import pool_units
from semtoken.errors import ModelNotFoundError

_BLOCK = 4096
"""Tokens looked up at once; other threads get their turn, and the deadline is looked at, between blocks."""


class StaticEncoder:
    """Token vectors out of a table, the same wherever a token stands.

    The table is one of ``model2vec`` (Tulkens and van Dongen, 2024; ``semtoken.distillation``): what a
    sentence encoder makes of each token alone, weighed by how rare the token is. So a unit's mean is a
    weighted one, and two units of the same words in another order are the same.
    """

    device = "cpu"
    """Where it runs."""

    def __init__(self, table: FloatArray, backend: Tokenizer, *, on_batch: OnBatch = ignore) -> None:
        """``table`` (vocabulary, d) in the order of ids; ``on_batch`` is told the tokens of each text."""
        self._backend = backend
        self._backend.no_truncation()
        self._backend.no_padding()
        self._on_batch = on_batch
        self._table = np.ascontiguousarray(table, dtype=np.float32)
        versions = f"static\0{np.__version__}\0{tokenizers.__version__}\0{self._table.shape}"
        digest = hashlib.sha256(f"{versions}\0{self._backend.to_str()}\0".encode())
        digest.update(self._table.tobytes())
        self._fingerprint = digest.hexdigest()

    @classmethod
    def from_pretrained(cls, folder: str | Path, *, on_batch: OnBatch = ignore) -> StaticEncoder:
        """Load a folder that ``model2vec`` wrote: ``semtoken models prepare --static``, or one of its own.

        Raises ``ModelNotFoundError`` where there is none.
        """
        path = Path(folder)
        try:
            tensors = load_file(path / "model.safetensors")
            table = _table(tensors)
            backend = Tokenizer.from_str((path / "tokenizer.json").read_text(encoding="utf-8"))
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise ModelNotFoundError(f"no static encoder at {str(path)!r}: {error}") from error
        size = backend.get_vocab_size()
        if table.ndim != 2 or len(table) < size:
            raise ModelNotFoundError(f"the static encoder at {str(path)!r} has vectors {table.shape} for {size} tokens")
        return cls(table, backend, on_batch=on_batch)

    @property
    def fingerprint(self) -> str:
        """sha256 over table, vocabulary and versions."""
        return self._fingerprint

    @property
    def width(self) -> int:
        """Dimension of the vectors."""
        return int(self._table.shape[1])

    def encode(
        self, inputs: Sequence[EncoderInput], *, lexical_only: bool = False, deadline: Deadline | None = None
    ) -> list[Encoding]:
        """Encode texts; see :class:`semtoken.encoders.base.Encoder`."""
        return [self._one(item, lexical_only, deadline) for item in inputs]

    def _one(self, item: EncoderInput, lexical_only: bool, deadline: Deadline | None) -> Encoding:
        if deadline is not None:
            deadline.check()
        ids, offsets, bounds = tokenise(self._backend, item)
        vectors = np.zeros((len(ids), 1), np.float32) if lexical_only else self._look_up(ids, deadline)
        return Encoding(vectors, ids, offsets[:, 0], offsets[:, 1], bounds, pool_units(vectors, bounds))

    def _look_up(self, ids: IntArray, deadline: Deadline | None) -> FloatArray:
        vectors = np.empty((len(ids), self.width), dtype=np.float32)
        for first in range(0, len(ids), _BLOCK):
            if deadline is not None:
                deadline.check()
            block = slice(first, first + _BLOCK)
            np.take(self._table, ids[block], axis=0, out=vectors[block])
        self._on_batch(len(ids))
        return vectors


def _table(tensors: dict[str, np.ndarray]) -> FloatArray:
    """The vectors (vocabulary, d) of a ``model2vec`` file, in which tokens may share a row and have weights."""
    table: FloatArray = tensors["embeddings"].astype(np.float32)
    if "mapping" in tensors:
        table = table[tensors["mapping"]]
    if "weights" in tensors:
        table = table * tensors["weights"].astype(np.float32)[:, None]
    return table
