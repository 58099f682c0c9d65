from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from fakes.tiny_models import train_tokenizer
from semtoken.errors import InvalidInputError, ModelNotFoundError
from semtoken.evaluation.bundled import bundled_demo
from semtoken.evaluation.prompts import QaPrompt
from semtoken.evaluation.scorers import LocalModel
from semtoken.evaluation.scorers.rendering import PromptRenderer
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

TEXT = bundled_demo().document
PROMPTS = [QaPrompt(TEXT[start : start + length], "Who?") for start, length in ((0, 300), (50, 220), (400, 310))]


@torch.inference_mode()
def all_nats(model: LlamaForCausalLM, ids: list[int]) -> list[float]:
    """Nats of every token but the first, from one plain forward pass."""
    logits = model(input_ids=torch.tensor([ids])).logits[0, :-1].float()
    nats: list[float] = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none").tolist()
    return nats


def test_answer_nll_is_that_of_a_plain_forward_pass(
    local_model: LocalModel, tiny_llama: LlamaForCausalLM, fast_tokenizer: PreTrainedTokenizerFast
) -> None:
    answer = "the Packard Foundation"
    gold = local_model.tokenizer.ids(answer)
    assert len(gold) > 1
    for prompt, score in zip(PROMPTS, local_model.score(PROMPTS, answer), strict=True):
        ids = [*PromptRenderer(fast_tokenizer).prompt(prompt), *gold]
        assert score.answer_nll == pytest.approx(np.mean(all_nats(tiny_llama, ids)[-len(gold) :]), rel=1e-4)


def test_answers_together_are_the_answers_alone(local_model: LocalModel) -> None:
    together = local_model.score(PROMPTS, "x")
    assert together == [local_model.score([prompt], "x")[0] for prompt in PROMPTS]
    assert len({score.prediction for score in together}) > 1


def test_answers_are_those_of_generate(
    local_model: LocalModel, tiny_llama: LlamaForCausalLM, fast_tokenizer: PreTrainedTokenizerFast
) -> None:
    for prompt, score in zip(PROMPTS, local_model.score(PROMPTS, "x"), strict=True):
        ids = torch.tensor([PromptRenderer(fast_tokenizer).prompt(prompt)])
        output = tiny_llama.generate(  # type: ignore[misc]
            input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=8, pad_token_id=1
        )
        text = local_model.tokenizer.decode(output[0, ids.shape[1] :].tolist()).partition("<|end|>")[0]
        assert score.prediction == (text.strip().splitlines() or [""])[0].strip()


def test_without_new_tokens_there_is_no_prediction(
    tiny_llama: LlamaForCausalLM, fast_tokenizer: PreTrainedTokenizerFast
) -> None:
    [score] = LocalModel(tiny_llama, fast_tokenizer, name="t", max_new_tokens=0).score(PROMPTS[:1], "x")
    assert score.prediction is None
    assert score.answer_nll is not None


def test_continuation_nll_is_that_of_a_plain_forward_pass(
    local_model: LocalModel, tiny_llama: LlamaForCausalLM
) -> None:
    ids = local_model.tokenizer.ids(TEXT[:500])
    nats = local_model.continuation_nll(ids[:-20], ids[-20:])
    assert nats == pytest.approx(all_nats(tiny_llama, ids)[-20:], rel=1e-4)


def test_a_target_without_context_is_refused(local_model: LocalModel) -> None:
    with pytest.raises(InvalidInputError, match="without context"):
        local_model.continuation_nll([], [5, 6])


def test_surprisal_is_exact_in_the_first_window_and_covers_the_rest(
    local_model: LocalModel, tiny_llama: LlamaForCausalLM
) -> None:
    ids = local_model.tokenizer.ids(TEXT)[:2500]
    nats = local_model.surprisal(ids)
    assert nats[1:1024] == pytest.approx(all_nats(tiny_llama, ids[:1024]), rel=1e-3)
    second = all_nats(tiny_llama, ids[512:1536])
    assert nats[1024:1536] == pytest.approx(second[-512:], rel=1e-3)
    assert len(nats) == 2500
    assert np.isfinite(nats).all()
    assert nats[0] == pytest.approx(nats[1:].mean(), rel=1e-3)


def test_surprisal_of_next_to_nothing(local_model: LocalModel) -> None:
    assert local_model.surprisal([]).shape == (0,)
    assert local_model.surprisal([7]).tolist() == [0.0]


def test_special_tokens_come_exactly_once() -> None:
    prompt = QaPrompt("context", "question?")
    with_template = PromptRenderer(train_tokenizer(leading=True)).prompt(prompt)
    # The template opens the user's turn and the answer's; the tokenizer must not add a third.
    assert with_template.count(0) == 2
    assert with_template[:2] != [0, 0]
    plain = PromptRenderer(train_tokenizer(leading=True, chat_template=None))
    assert plain.prompt(prompt).count(0) == 1
    assert plain.prompt(prompt)[0] == 0
    assert plain.leading == [0]


def test_bos_counts_as_context_where_the_model_wants_it(tiny_llama: LlamaForCausalLM) -> None:
    model = LocalModel(tiny_llama, train_tokenizer(leading=True), name="t")
    ids = model.tokenizer.ids(TEXT[:200])
    assert model.surprisal(ids) == pytest.approx(all_nats(tiny_llama, [0, *ids]), rel=1e-3)
    assert model.continuation_nll([], ids) == pytest.approx(all_nats(tiny_llama, [0, *ids]), rel=1e-3)


def test_a_saved_model_loads_and_scores_the_same(
    tmp_path: Path, local_model: LocalModel, tiny_llama: LlamaForCausalLM, fast_tokenizer: PreTrainedTokenizerFast
) -> None:
    tiny_llama.save_pretrained(tmp_path / "tiny")
    fast_tokenizer.save_pretrained(tmp_path / "tiny")
    loaded = LocalModel.from_pretrained(tmp_path / "tiny", device="cpu", max_new_tokens=8)
    assert (loaded.name, loaded.window) == ("tiny", 1024)
    assert loaded.score(PROMPTS, "x") == local_model.score(PROMPTS, "x")


def test_a_folder_without_a_model_is_refused(tmp_path: Path, fast_tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(ModelNotFoundError, match="no model folder"):
        LocalModel.from_pretrained(tmp_path / "missing")
    with pytest.raises(ModelNotFoundError, match="no tokenizer"):
        LocalModel.from_pretrained(tmp_path)
    fast_tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ModelNotFoundError, match="no causal language model"):
        LocalModel.from_pretrained(tmp_path)
