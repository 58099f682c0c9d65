"""The tiny model and its tokenizer, made once."""

from __future__ import annotations

import pytest
from fakes.tiny_models import make_llama, train_tokenizer
from semtoken.evaluation.scorers import LocalModel
from semtoken.tokenizer import ServedTokenizer
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast


@pytest.fixture(scope="session")
def fast_tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer()


@pytest.fixture(scope="session")
def served(fast_tokenizer: PreTrainedTokenizerFast) -> ServedTokenizer:
    return ServedTokenizer(fast_tokenizer)


@pytest.fixture(scope="session")
def tiny_llama() -> LlamaForCausalLM:
    return make_llama()


@pytest.fixture(scope="session")
def local_model(tiny_llama: LlamaForCausalLM, fast_tokenizer: PreTrainedTokenizerFast) -> LocalModel:
    return LocalModel(tiny_llama, fast_tokenizer, name="tiny", max_new_tokens=8)
