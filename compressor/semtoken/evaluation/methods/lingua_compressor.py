"""Microsoft's `llmlingua` around a model that is loaded already, as it runs with `transformers` 5 and offline."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any

import torch
from transformers.cache_utils import DynamicCache

from semtoken.errors import InvalidOptionError
from semtoken.evaluation.scorers.base import CausalModel
from semtoken.tokenizer import ServedTokenizer

INSTALL_COMMAND = "pip install llmlingua==0.2.2"

_WINDOW = 4_096
"""That of llmlingua's own default model. It holds float32 logits of a whole window, 0.8 GB of them
for a vocabulary of 49,152, several times over."""


class LegacyCacheModel:
    """A causal model whose cache goes in and out as a list of (key, value) pairs, one a layer.

    `llmlingua` cuts the cache by its layers' tensors, a form which `transformers` 5 no longer gives.
    """

    def __init__(self, model: Any) -> None:
        self._model = model

    def __call__(self, input_ids: torch.Tensor, *, past_key_values: Any = None, **arguments: Any) -> SimpleNamespace:
        """``logits`` in float32, since differences of losses are compared, and ``past_key_values``."""
        cache = None if past_key_values is None else DynamicCache([(key, value) for key, value in past_key_values])
        output = self._model(input_ids, past_key_values=cache, **arguments)
        pairs = [(layer.keys, layer.values) for layer in output.past_key_values.layers]
        return SimpleNamespace(logits=output.logits.float(), past_key_values=pairs)


class _Counter:
    """Stands in for OpenAI's tokenizer, with which llmlingua counts what it reports and nothing else."""

    def __init__(self, served: ServedTokenizer) -> None:
        self._served = served

    def encode(self, text: str) -> list[int]:
        return self._served.ids(text)


def prompt_compressor(causal: CausalModel, served: ServedTokenizer) -> Any:
    """A ``llmlingua.PromptCompressor`` that reads with ``causal``.

    Its constructor would load a model by name and fetch OpenAI's vocabulary from the network; it is
    not called, and what it sets is set here. Raises ``InvalidOptionError`` where llmlingua is missing.
    """
    try:
        peer = importlib.import_module("llmlingua").PromptCompressor
    except ImportError as error:
        raise InvalidOptionError(
            f"llmlingua cannot be imported ({error}): {INSTALL_COMMAND}", param="methods"
        ) from error
    compressor = peer.__new__(peer)
    compressor.model = LegacyCacheModel(causal.model)
    compressor.tokenizer = causal.tokenizer
    compressor.device = str(causal.model.device)
    compressor.max_position_embeddings = min(_WINDOW, int(causal.model.config.max_position_embeddings))
    compressor.oai_tokenizer = _Counter(served)
    compressor.use_llmlingua2 = False
    compressor.context_idxs = []
    compressor.cache_bos_num, compressor.prefix_bos_num = 10, 100
    return compressor
