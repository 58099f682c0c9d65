from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from semtoken.errors import EngineError, InvalidInputError
from semtoken.evaluation.prompts import QaPrompt
from semtoken.evaluation.scorers import RemoteModel
from semtoken.evaluation.scorers.rendering import PromptRenderer
from transformers import PreTrainedTokenizerFast

PROMPT = QaPrompt("Paris is the capital of France.", "What is the capital?")
MODELS = {"data": [{"id": "first", "max_model_len": 512}, {"id": "second"}]}
Answer = Callable[[str, dict[str, Any]], httpx.Response]


def logprobs(body: dict[str, Any]) -> httpx.Response:
    """vLLM's form: nothing for the first token, then each token's own entry."""
    entries = [{str(token): {"logprob": -0.5 * (i % 3)}} for i, token in enumerate(body["prompt"])]
    return httpx.Response(200, json={"choices": [{"text": "", "prompt_logprobs": [None, *entries[1:]]}]})


def vllm(path: str, body: dict[str, Any]) -> httpx.Response:
    if path == "/v1/chat/completions":
        return httpx.Response(200, json={"choices": [{"message": {"content": " Paris "}}]})
    return logprobs(body)


def connect(tokenizer: PreTrainedTokenizerFast, answer: Answer = vllm, **options: Any) -> RemoteModel:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/models":
            return httpx.Response(200, json=MODELS)
        return answer(request.url.path, json.loads(request.content))

    client = httpx.Client(base_url="http://engine", transport=httpx.MockTransport(handle))
    return RemoteModel(client, tokenizer, **options)


def test_answer_and_rating(fast_tokenizer: PreTrainedTokenizerFast) -> None:
    seen: list[tuple[str, dict[str, Any]]] = []

    def record(path: str, body: dict[str, Any]) -> httpx.Response:
        seen.append((path, body))
        return vllm(path, body)

    [score] = connect(fast_tokenizer, record).score([PROMPT], "Paris")
    renderer = PromptRenderer(fast_tokenizer)
    prompt, gold = renderer.prompt(PROMPT), renderer.answer("Paris")
    expected = sum(0.5 * (i % 3) for i in range(len(prompt), len(prompt) + len(gold))) / len(gold)
    assert score.prediction == "Paris"
    assert score.answer_nll == pytest.approx(expected)
    (_, chat), (_, completion) = seen
    assert chat["messages"] == PROMPT.messages
    assert (chat["model"], chat["temperature"], chat["stop"]) == ("first", 0, ["\n"])
    assert completion["prompt"] == [*prompt, *gold]


@pytest.mark.parametrize("refusal", [httpx.Response(400, json={}), httpx.Response(200, json={"choices": [{}]})])
def test_an_engine_without_prompt_logprobs_is_asked_once(
    fast_tokenizer: PreTrainedTokenizerFast, refusal: httpx.Response
) -> None:
    asked: list[str] = []

    def answer(path: str, body: dict[str, Any]) -> httpx.Response:
        asked.append(path)
        return refusal if path == "/v1/completions" else vllm(path, body)

    scores = connect(fast_tokenizer, answer).score([PROMPT, PROMPT], "Paris")
    assert [score.answer_nll for score in scores] == [None, None]
    assert [score.prediction for score in scores] == ["Paris", "Paris"]
    assert asked.count("/v1/completions") == 1


def test_the_window_is_the_engines_or_the_tokenizers(fast_tokenizer: PreTrainedTokenizerFast) -> None:
    assert connect(fast_tokenizer).window == 512
    assert connect(fast_tokenizer, model="second").window == 1024
    assert connect(fast_tokenizer, model="second").name == "second"


def test_a_model_that_is_not_served_is_refused(fast_tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(InvalidInputError, match=r"\['first', 'second'\], not 'third'"):
        connect(fast_tokenizer, model="third")


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(500, text="broken"),
        httpx.Response(200, text="no json"),
        httpx.Response(200, json=[1]),
        httpx.Response(200, json={"choices": []}),
    ],
)
def test_what_is_no_answer_is_an_engine_error(
    fast_tokenizer: PreTrainedTokenizerFast, response: httpx.Response
) -> None:
    with pytest.raises(EngineError):
        connect(fast_tokenizer, lambda _path, _body: response).score([PROMPT], "Paris")


def test_an_engine_that_is_not_there_is_an_engine_error(fast_tokenizer: PreTrainedTokenizerFast) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    client = httpx.Client(base_url="http://engine", transport=httpx.MockTransport(refuse))
    with pytest.raises(EngineError, match=r"engine/v1/models: refused"):
        RemoteModel(client, fast_tokenizer)
