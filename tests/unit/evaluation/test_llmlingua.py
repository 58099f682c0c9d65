"""The package that carries LLMLingua, around a model loaded by us."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from semtoken.errors import InvalidOptionError
from semtoken.evaluation.bundled import bundled_demo
from semtoken.evaluation.methods import METHODS, Resources
from semtoken.evaluation.methods.lingua_compressor import LegacyCacheModel
from semtoken.evaluation.scorers import LocalModel
from semtoken.tokenizer import ServedTokenizer
from transformers import LlamaForCausalLM

DOCUMENT = bundled_demo().document[:6000]
QUESTION = "How many IBYCUS computers are in the country?"
lingua = pytest.mark.skipif(find_spec("llmlingua") is None, reason="llmlingua is missing: pip install llmlingua==0.2.2")


def shorten(name: str, model: LocalModel, text: str, question: str | None, budget: int) -> str:
    method = METHODS[name](Resources(model.tokenizer, causal_model=model.causal))
    [form] = method.compress(text, question, [budget], np.random.default_rng(0))
    return form.text


@torch.inference_mode()
def test_a_cache_of_pairs_continues_as_the_models_own(tiny_llama: LlamaForCausalLM) -> None:
    model = LegacyCacheModel(tiny_llama)
    ids = torch.arange(2, 42)[None]
    whole = model(ids, attention_mask=torch.ones_like(ids), use_cache=True)
    first = model(ids[:, :30], attention_mask=torch.ones_like(ids[:, :30]), use_cache=True)
    cut = [(key[:, :, :20], value[:, :, :20]) for key, value in first.past_key_values]
    rest = model(ids[:, 20:], attention_mask=torch.ones_like(ids), past_key_values=cut, use_cache=True)
    assert torch.allclose(rest.logits, whole.logits[:, 20:], atol=1e-5)
    assert [key.shape[2] for key, _ in rest.past_key_values] == [40, 40]


@lingua
def test_a_text_of_several_windows_is_compressed(local_model: LocalModel) -> None:
    tokens = local_model.tokenizer.count(DOCUMENT)
    assert tokens > 2 * local_model.window
    kept = local_model.tokenizer.count(shorten("llmlingua", local_model, DOCUMENT, None, tokens // 2))
    assert kept == pytest.approx(tokens / 2, abs=0.02 * tokens)


@lingua
def test_longllmlingua_is_led_by_the_question_and_is_llmlingua_without(local_model: LocalModel) -> None:
    text = DOCUMENT[:3000]
    led = [shorten("longllmlingua", local_model, text, question, 200) for question in (QUESTION, "Who is Mylonas?")]
    plain = shorten("llmlingua", local_model, text, None, 200)
    assert led[0] != led[1]
    assert plain not in led
    assert shorten("longllmlingua", local_model, text, None, 200) == plain


@lingua
def test_the_question_is_no_part_of_the_context(local_model: LocalModel) -> None:
    question = "Zyzzyva xylophone?"
    assert not any(
        question in shorten(name, local_model, DOCUMENT, question, 300) for name in ("llmlingua", "longllmlingua")
    )


def test_without_the_package_one_line_says_what_to_install(
    served: ServedTokenizer, local_model: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "llmlingua", None)
    with pytest.raises(InvalidOptionError, match=r"pip install llmlingua==0\.2\.2") as caught:
        METHODS["llmlingua"](Resources(served, causal_model=local_model.causal))
    assert caught.value.param == "methods"
    assert "\n" not in str(caught.value)
