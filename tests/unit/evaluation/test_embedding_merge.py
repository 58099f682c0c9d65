"""A context of embeddings, made by merging and read by the model in both evaluations."""

from __future__ import annotations

import httpx
import numpy as np
import pytest
import torch
from fakes.encoders import HashEncoder
from semtoken.errors import InvalidInputError
from semtoken.evaluation.bundled import bundled_demo
from semtoken.evaluation.datasets import Corpus, DataSet, Example
from semtoken.evaluation.lm import LmSettings, run_lm
from semtoken.evaluation.methods import Compressed, Resources, build_methods
from semtoken.evaluation.methods.embedding_merge import MERGED, EmbeddingMerge
from semtoken.evaluation.prompts import QaPrompt
from semtoken.evaluation.qa import QaSettings, run_qa
from semtoken.evaluation.scorers import LanguageModel, LocalModel, RemoteModel
from semtoken.tokenizer import ServedTokenizer
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

DOCUMENT = bundled_demo().document[:1500]


def resources(model: LocalModel) -> Resources:
    return Resources(model.tokenizer, language_model=model, causal_model=model.causal, encoder=HashEncoder())


def merge(model: LocalModel, text: str, budget: int) -> Compressed:
    [form] = EmbeddingMerge(resources(model)).compress(text, None, [budget], np.random.default_rng(0))
    return form


def test_with_nothing_merged_the_model_reads_what_it_reads_of_text(local_model: LocalModel) -> None:
    text, target = DOCUMENT[:900], local_model.tokenizer.ids(DOCUMENT[900:1000])
    whole = merge(local_model, text, 10_000)
    assert whole.vectors is not None
    assert whole.text == text
    nats = local_model.continuation_nll_of_vectors(whole.vectors, target)
    assert nats == pytest.approx(local_model.continuation_nll(local_model.tokenizer.ids(text), target), rel=1e-4)
    as_text, as_vectors = local_model.score([QaPrompt(text, "Who?"), QaPrompt(text, "Who?", whole.vectors)], "He")
    assert as_vectors.answer_nll == pytest.approx(as_text.answer_nll, rel=1e-4)
    assert as_vectors.prediction == as_text.prediction


def test_like_neighbours_become_the_mean_of_their_embeddings(
    local_model: LocalModel, tiny_llama: LlamaForCausalLM
) -> None:
    # The encoder sees two words: the first one's tokens all share its vector.
    text = "Zyzzyva the"
    ids = local_model.tokenizer.ids(text)
    pieces = len(local_model.tokenizer.ids("Zyzzyva"))
    assert (pieces > 2, len(ids) - pieces) == (True, 1)
    rows = tiny_llama.get_input_embeddings()(torch.tensor(ids)).detach().numpy()
    form = merge(local_model, text, 2)
    assert form.vectors == pytest.approx(np.stack([rows[:pieces].mean(axis=0), rows[-1]]), rel=1e-5)
    assert form.text == f"{MERGED} the"
    assert merge(local_model, text, len(ids)).text == text


def test_other_models_refuse_vectors(
    served: ServedTokenizer, local_model: LocalModel, fast_tokenizer: PreTrainedTokenizerFast
) -> None:
    def engine(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"data": [{"id": "m", "max_model_len": 4096}]})

    client = httpx.Client(base_url="http://engine", transport=httpx.MockTransport(engine))
    methods = build_methods(["embedding-merge"], resources(local_model))
    remote = RemoteModel(client, fast_tokenizer, max_new_tokens=0)
    prompt = QaPrompt(DOCUMENT, "Who?", merge(local_model, DOCUMENT, 100).vectors)
    with pytest.raises(InvalidInputError, match="local model only"):
        remote.score([prompt], "He")

    class TextOnly:
        name = "text-only"
        window = 4096
        tokenizer = served
        continuation_nll = staticmethod(local_model.continuation_nll)
        surprisal = staticmethod(local_model.surprisal)

    model: LanguageModel = TextOnly()
    with pytest.raises(InvalidInputError, match="'text-only' reads no context of embeddings"):
        run_lm([Corpus("c", (DOCUMENT,))], methods, model, LmSettings(200, 20))


def test_both_evaluations_run_it(local_model: LocalModel) -> None:
    methods = build_methods(["embedding-merge", "truncate"], resources(local_model))
    data = DataSet("set", (Example("1", "task", DOCUMENT, "Who?", ("the",)),))
    qa = {outcome.method: outcome for outcome in run_qa([data], methods, local_model, QaSettings((2.0,))).outcomes}
    lm = run_lm([Corpus("c", (DOCUMENT,))], methods, local_model, LmSettings(300, 20, (2.0,))).outcomes
    kept = [qa["embedding-merge"].kept_fraction, *(row.kept_fraction for row in lm if row.method == "embedding-merge")]
    assert kept == pytest.approx([0.5] * len(kept), abs=0.01)
    assert qa["embedding-merge"].answer_nll not in {None, qa["none"].answer_nll, qa["truncate"].answer_nll}
    assert all(np.isfinite(row.nll) for row in lm)
