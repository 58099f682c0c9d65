"""The served model's input embeddings: one tensor of its checkpoint, mapped into memory."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from safetensors import SafetensorError, safe_open

from semtoken.datamodels import FloatArray
from semtoken.errors import InvalidInputError, ModelNotFoundError

if TYPE_CHECKING:
    import torch

TENSOR = "model.embed_tokens.weight"
_SINGLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"


def _unscaled(_config: Mapping[str, Any]) -> float:
    return 1.0


def _root_of_width(config: Mapping[str, Any]) -> float:
    """Gemma multiplies what it looks up by sqrt(hidden size), but not what it is given."""
    return math.sqrt(config["hidden_size"])


SCALES: Mapping[str, Callable[[Mapping[str, Any]], float]] = {
    "gemma": _root_of_width,
    "gemma2": _root_of_width,
    "gemma3_text": _root_of_width,
    # Its multiplier falls on what it is given as well, so it must not be applied here.
    "granite": _unscaled,
    "llama": _unscaled,
    "mistral": _unscaled,
    "mixtral": _unscaled,
    "olmo2": _unscaled,
    "phi3": _unscaled,
    "qwen2": _unscaled,
    "qwen2_moe": _unscaled,
    "qwen3": _unscaled,
    "qwen3_moe": _unscaled,
}
"""By ``model_type``: what a row of the table is multiplied by to become the vector that the model takes in
the place of a token. Read from the models' code in vLLM 0.32 and transformers 5."""


class EmbeddingTable:
    """Rows of the table as the model takes them; only the pages that are looked up are read from disk."""

    def __init__(self, weights: torch.Tensor, scale: float) -> None:
        """``weights`` (vocabulary, d) in the checkpoint's own floating-point type."""
        self._weights = weights
        # Models hold their factor in the type of their weights.
        self._scale = weights.new_tensor(scale)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """Map the table of a model folder in Hugging Face form.

        Raises ``ModelNotFoundError`` where there is none, and for a ``model_type`` that is not in ``SCALES``.
        """
        path = Path(folder)
        config = _json(path / "config.json")
        kind = str(config.get("model_type"))
        if kind not in SCALES:
            known = ", ".join(SCALES)
            raise ModelNotFoundError(f"how {kind!r:.80} models scale their embeddings is not known; known are {known}")
        weights = _tensor(path / _file_of(path))
        if weights.ndim != 2 or not weights.is_floating_point() or weights.shape[1] != config.get("hidden_size"):
            raise ModelNotFoundError(
                f"{TENSOR} in {str(path)!r} is no table of embeddings: {tuple(weights.shape)} of {weights.dtype}"
            )
        return cls(weights, SCALES[kind](config))

    @property
    def width(self) -> int:
        """Dimensions of a vector."""
        return int(self._weights.shape[1])

    def rows(self, ids: Sequence[int]) -> FloatArray:
        """The vectors of token ids, (tokens, d).

        Raises ``InvalidInputError`` for an id that the table does not hold.
        """
        index = np.asarray(ids, dtype=np.int64)
        if len(index) and not 0 <= index.min() <= index.max() < len(self._weights):
            raise InvalidInputError(f"token ids up to {index.max()}, but {len(self._weights)} embeddings")
        vectors: FloatArray = (self._weights[index] * self._scale).float().numpy()
        return vectors

    def rounded(self, vectors: FloatArray) -> FloatArray:
        """``vectors`` in the precision of the table, which the model would round them to in any case."""
        rounded: FloatArray = self._weights.new_tensor(vectors).float().numpy()
        return rounded


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelNotFoundError(f"no model in {str(path.parent)!r}: {error}") from error
    return content if isinstance(content, dict) else {}


def _file_of(folder: Path) -> str:
    """The file that holds the table: the only one, or what the index of several says."""
    if not (folder / _INDEX).is_file():
        return _SINGLE
    files = _json(folder / _INDEX).get("weight_map", {})
    if TENSOR not in files:
        raise ModelNotFoundError(f"{TENSOR} stands in no file of {str(folder)!r}")
    return str(files[TENSOR])


def _tensor(file: Path) -> torch.Tensor:
    try:
        with safe_open(file, framework="pt") as opened:
            tensor: torch.Tensor = opened.get_tensor(TENSOR)
    except (OSError, SafetensorError) as error:
        raise ModelNotFoundError(f"no embeddings in {str(file)!r}: {error}") from error
    return tensor
