"""Any ``transformers`` encoder, run over fixed tiles so that no result depends on its batch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerFast

from semtoken.caching import Window, WindowCache
from semtoken.datamodels import Encoding, FloatArray, IntArray
from semtoken.deadline import Deadline
from semtoken.encoders.base import EncoderInput
from semtoken.encoders.runtimes import WINDOW, Place, Runtime, build_runtime
from semtoken.encoders.tiles import OnBatch, TileRunner, ignore
from semtoken.encoders.tokens import tokenise
from semtoken.encoders.windows import pack_windows, pool_units
from semtoken.errors import EncoderError, ModelNotFoundError

DEVICES = ("auto", "cpu", "cuda")


class TransformerEncoder:
    """Contextual token vectors from a frozen bidirectional transformer.

    A text is tokenised once, cut into windows of whole units (each at most ``WINDOW`` tokens) and
    the windows of all texts, of all threads that call, run together in tiles of one shape. Windows that
    ``cache`` has are not run.
    """

    def __init__(
        self,
        runtime: Runtime,
        tokenizer: PreTrainedTokenizerFast,
        *,
        on_batch: OnBatch = ignore,
        cache: WindowCache | None = None,
    ) -> None:
        self._runtime = runtime
        self._backend = tokenizer.backend_tokenizer
        self._backend.no_truncation()
        self._backend.no_padding()
        self._pad = int(tokenizer.pad_token_id or 0)
        probe = self._backend.encode("a", add_special_tokens=True)
        text = [place for place, special in enumerate(probe.special_tokens_mask) if not special]
        self._prefix, self._suffix = probe.ids[: text[0]], probe.ids[text[-1] + 1 :]
        # One column always stays padding: with a full tile `transformers` would leave the mask
        # out, and another attention kernel gives other bits.
        self._capacity = WINDOW - len(self._prefix) - len(self._suffix) - 1
        self._runner = TileRunner(
            self._forward, tile=runtime.tile, workers=runtime.workers, prepare=runtime.prepare, on_batch=on_batch
        )
        stamp = "\0".join((runtime.identity, self._backend.to_str(), str(WINDOW)))
        self._fingerprint = hashlib.sha256(stamp.encode()).hexdigest()
        self._cache = cache
        self._origin = f"{self._fingerprint} {runtime.processor}"

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        *,
        device: str = "auto",
        runtime: str = "auto",
        gpu_memory_mib: int | None = None,
        on_batch: OnBatch = ignore,
        cache: WindowCache | None = None,
    ) -> TransformerEncoder:
        """Load an encoder from a folder or, where there is network, a hub name.

        ``device`` is ``auto`` (CUDA where there is one), ``cpu`` or ``cuda``; ``runtime`` is ``auto`` (the
        fastest for the device), ``torch`` or ``openvino``; on a GPU it takes at most ``gpu_memory_mib``
        MiB; ``on_batch`` is told the tokens of every forward pass, from another thread. Raises
        ``ModelNotFoundError`` where there is no such model or runtime.
        """
        path = os.fspath(name_or_path)
        local = Path(path).is_dir()
        place = Place(_device(device), gpu_memory_mib)
        computed_by = build_runtime(runtime, lambda dtype: _load_model(path, dtype, local=local), place)
        return cls(computed_by, _load_tokenizer(path, local=local), on_batch=on_batch, cache=cache)

    @property
    def fingerprint(self) -> str:
        """sha256 over weights, vocabulary, runtime, number format, device class, versions and tile shape."""
        return self._fingerprint

    @property
    def device(self) -> str:
        """Where it runs: ``cpu`` or ``cuda``."""
        return self._runtime.device

    @property
    def runtime(self) -> Runtime:
        """What computes it."""
        return self._runtime

    def encode(
        self, inputs: Sequence[EncoderInput], *, lexical_only: bool = False, deadline: Deadline | None = None
    ) -> list[Encoding]:
        """Encode texts; see :class:`semtoken.encoders.base.Encoder`."""
        tokenised = [tokenise(self._backend, item) for item in inputs]
        if lexical_only:
            return [self._assemble(*parts, [np.zeros((len(parts[0]), 1), np.float32)]) for parts in tokenised]
        windows = [
            (index, start, end)
            for index, (_, _, bounds) in enumerate(tokenised)
            for start, end in pack_windows(bounds, self._capacity)
        ]
        hidden = self._vectors(
            [Window(tokenised[index][0][start:end], inputs[index].tenant) for index, start, end in windows], deadline
        )
        vectors: list[list[FloatArray]] = [[] for _ in inputs]
        for (index, _, _), rows in zip(windows, hidden, strict=True):
            vectors[index].append(rows)
        return [self._assemble(*parts, rows) for parts, rows in zip(tokenised, vectors, strict=True)]

    def _vectors(self, windows: list[Window], deadline: Deadline | None) -> list[FloatArray]:
        if self._cache is None:
            return self._runner.run([window.ids for window in windows], deadline)
        return self._cache.vectors(
            windows, lambda missing: self._runner.run(missing, deadline), model=self._origin, width=self._runtime.width
        )

    def _forward(self, windows: Sequence[IntArray]) -> list[FloatArray]:
        ids = np.full((self._runtime.tile, WINDOW), self._pad, dtype=np.int64)
        mask = np.zeros((self._runtime.tile, WINDOW), dtype=np.int64)
        mask[:, 0] = 1
        for row, window in enumerate(windows):
            whole = [*self._prefix, *window.tolist(), *self._suffix]
            ids[row, : len(whole)] = whole
            mask[row, : len(whole)] = 1
        vectors = self._runtime(ids, mask)
        if not np.isfinite(vectors).all():
            raise EncoderError("the encoder gave values that are not finite")
        skip = len(self._prefix)
        return [vectors[row, skip : skip + len(window)] for row, window in enumerate(windows)]

    def _assemble(self, ids: IntArray, offsets: IntArray, bounds: IntArray, rows: list[FloatArray]) -> Encoding:
        vectors = np.zeros((len(ids), rows[0].shape[1] if rows else self._runtime.width), dtype=np.float32)
        filled = 0
        # One by one, so that other threads get their turn between them.
        for window in rows:
            vectors[filled : filled + len(window)] = window
            filled += len(window)
        return Encoding(vectors, ids, offsets[:, 0], offsets[:, 1], bounds, pool_units(vectors, bounds))


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in DEVICES:
        raise ModelNotFoundError(f"device must be one of {', '.join(DEVICES)}, got {name!r}")
    if name == "cuda" and not torch.cuda.is_available():
        raise ModelNotFoundError("device is cuda, but torch finds no CUDA device")
    return torch.device(name)


def _load_model(path: str, dtype: torch.dtype, *, local: bool) -> Any:
    try:
        return AutoModel.from_pretrained(path, local_files_only=local, dtype=dtype, attn_implementation="sdpa")
    except (OSError, ValueError) as error:
        raise ModelNotFoundError(f"no encoder at {path!r}: {error}") from error


def _load_tokenizer(path: str, *, local: bool) -> PreTrainedTokenizerFast:
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=local)
    except (OSError, ValueError) as error:
        raise ModelNotFoundError(f"no encoder at {path!r}: {error}") from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise ModelNotFoundError(f"the tokenizer of the encoder at {path!r} has no fast form, which offsets need")
    return tokenizer
