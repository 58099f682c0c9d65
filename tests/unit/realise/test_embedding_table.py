"""The vectors built from a checkpoint stand for the tokens: a model that is given them says the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fakes.tiny_models import make_llama
from safetensors.torch import save_file
from semtoken import InvalidInputError, ModelNotFoundError
from semtoken.bundled import BundledModels
from semtoken.realise.embedding_table import SCALES, TENSOR, EmbeddingTable
from transformers import AutoConfig, AutoModelForCausalLM

IDS = [5, 17, 17, 3, 90, 41]
TINY = {
    "vocab_size": 100,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 4,
    "max_position_embeddings": 64,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 0,
}


def save_tiny(kind: str, folder: Path) -> None:
    torch.manual_seed(0)
    # Granite's multiplier is 1 by default, which would hide a mistake.
    extra = {"granite": {"embedding_multiplier": 6.0}}.get(kind, {})
    auto: Any = AutoModelForCausalLM
    auto.from_config(AutoConfig.for_model(kind, **TINY, **extra)).save_pretrained(folder)


def load(folder: Path) -> Any:
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model.eval()


@pytest.mark.parametrize("kind", sorted(SCALES))
def test_a_model_says_the_same_to_its_vectors_as_to_the_ids(kind: str, tmp_path: Path) -> None:
    save_tiny(kind, tmp_path)
    model = load(tmp_path)
    vectors = torch.from_numpy(EmbeddingTable.from_pretrained(tmp_path).rows(IDS))
    with torch.inference_mode():
        by_ids = model(input_ids=torch.tensor([IDS])).logits
        by_vectors = model(inputs_embeds=vectors[None]).logits
    assert torch.allclose(by_ids, by_vectors, atol=1e-6)
    assert by_ids.std() > 1e-3


@pytest.mark.model
def test_the_bundled_model_says_the_same_to_its_vectors_as_to_the_ids(models: BundledModels) -> None:
    folder = models.llm
    model = load(folder)
    ids = list(range(1_000, 40_000, 1_300))
    vectors = torch.from_numpy(EmbeddingTable.from_pretrained(folder).rows(ids))
    with torch.inference_mode():
        by_ids = model(input_ids=torch.tensor([ids])).logits.log_softmax(-1)
        by_vectors = model(inputs_embeds=vectors[None]).logits.log_softmax(-1)
    assert torch.allclose(by_ids, by_vectors, atol=1e-5)


def test_a_checkpoint_in_several_files_is_read_from_the_right_one(tmp_path: Path) -> None:
    weights = torch.randn(7, 4)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen3", "hidden_size": 4}))
    (tmp_path / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"lm_head.weight": "a.safetensors", TENSOR: "b.safetensors"}})
    )
    save_file({"lm_head.weight": -weights}, tmp_path / "a.safetensors")
    save_file({TENSOR: weights}, tmp_path / "b.safetensors")
    assert np.array_equal(EmbeddingTable.from_pretrained(tmp_path).rows([2, 6]), weights[[2, 6]].numpy())


def test_vectors_are_rounded_as_the_model_would_round_them(tmp_path: Path) -> None:
    weights = torch.randn(7, 4, dtype=torch.bfloat16)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gemma2", "hidden_size": 4}))
    save_file({TENSOR: weights}, tmp_path / "model.safetensors")
    table = EmbeddingTable.from_pretrained(tmp_path)
    assert np.array_equal(table.rows([3]), (weights[[3]] * 2).float().numpy())
    third = np.full((1, 4), 1 / 3, dtype=np.float32)
    assert np.array_equal(table.rounded(third), torch.full((1, 4), 1 / 3).bfloat16().float().numpy())


def test_how_an_unknown_model_scales_is_not_guessed(tmp_path: Path) -> None:
    make_llama().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "gemma3n"}))
    with pytest.raises(ModelNotFoundError, match="gemma3n"):
        EmbeddingTable.from_pretrained(tmp_path)


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_folder_that_lacks_a_file_is_named(missing: str, tmp_path: Path) -> None:
    make_llama().save_pretrained(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(ModelNotFoundError, match=tmp_path.name):
        EmbeddingTable.from_pretrained(tmp_path)


def test_quantised_tables_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama", "hidden_size": 4}))
    save_file({TENSOR: torch.zeros(7, 4, dtype=torch.int8)}, tmp_path / "model.safetensors")
    with pytest.raises(ModelNotFoundError, match="int8"):
        EmbeddingTable.from_pretrained(tmp_path)


@pytest.mark.parametrize("ids", [[600], [-1]])
def test_ids_that_the_table_lacks_are_refused(ids: list[int], tmp_path: Path) -> None:
    make_llama().save_pretrained(tmp_path)
    with pytest.raises(InvalidInputError, match="600"):
        EmbeddingTable.from_pretrained(tmp_path).rows(ids)
