"""An OpenAI-compatible engine over HTTP: answers from its chat route, ratings from its prompt log-probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from transformers import PreTrainedTokenizerFast

from semtoken.errors import EngineError, InvalidInputError
from semtoken.evaluation.prompts import QaPrompt
from semtoken.evaluation.scorers.base import MAX_NEW_TOKENS, Score
from semtoken.evaluation.scorers.rendering import PromptRenderer, load_tokenizer
from semtoken.tokenizer import ServedTokenizer

_TIMEOUT = httpx.Timeout(600.0, connect=10.0)
_NO_PROMPT_LOGPROBS = (400, 403, 404, 405, 422, 501)
"""What engines without log-probabilities of a prompt answer to the question for them."""


class RemoteModel:
    """Scorer behind a URL. What it serves is asked once, when it is made."""

    def __init__(
        self,
        client: httpx.Client,
        tokenizer: PreTrainedTokenizerFast,
        *,
        model: str | None = None,
        max_new_tokens: int = MAX_NEW_TOKENS,
    ) -> None:
        """``client`` has the engine's base URL (without ``/v1``); ``model`` defaults to the first served.

        Raises ``EngineError`` when the engine does not answer and ``InvalidInputError`` when it does
        not serve ``model``.
        """
        self._client = client
        self._renderer = PromptRenderer(tokenizer)
        self._max_new_tokens = max_new_tokens
        served = self._served(model)
        self._model = str(served["id"])
        self._window = served.get("max_model_len")
        self._rates = True

    @classmethod
    def connect(
        cls,
        url: str,
        tokenizer: Path,
        *,
        model: str | None = None,
        api_key: str | None = None,
        max_new_tokens: int = MAX_NEW_TOKENS,
    ) -> RemoteModel:
        """Connect to an engine by its base URL, with or without ``/v1``.

        ``tokenizer`` is a folder with the served model's tokenizer and chat template. Raises what the
        constructor raises, and ``ModelNotFoundError``.
        """
        # A SemToken gateway must not compress what is already compressed here.
        headers = {"x-semtoken-mode": "off"} | ({"authorization": f"Bearer {api_key}"} if api_key else {})
        client = httpx.Client(
            base_url=url.rstrip("/").removesuffix("/v1"),
            headers=headers,
            timeout=_TIMEOUT,
            transport=httpx.HTTPTransport(retries=2),
        )
        return cls(client, load_tokenizer(tokenizer), model=model, max_new_tokens=max_new_tokens)

    @property
    def name(self) -> str:
        """The served model's name."""
        return self._model

    @property
    def tokenizer(self) -> ServedTokenizer:
        """The served model's tokenizer, from the folder that was given."""
        return self._renderer.served

    @property
    def window(self) -> int:
        """The engine's ``max_model_len``, or the tokenizer's limit where it tells none."""
        return int(self._window or self._renderer.max_length)

    def prompt_tokens(self, prompt: QaPrompt) -> int:
        """Tokens of the rendered chat."""
        return len(self._renderer.prompt(prompt))

    def score(self, prompts: Sequence[QaPrompt], answer: str) -> list[Score]:
        """Answer and rate; a rating the engine cannot give is None from then on."""
        return [self._score(prompt, answer) for prompt in prompts]

    def _score(self, prompt: QaPrompt, answer: str) -> Score:
        if prompt.vectors is not None:
            raise InvalidInputError("a context of embeddings can be read by a local model only (--model)")
        prediction = self._answer(prompt) if self._max_new_tokens else None
        return Score(prediction=prediction, answer_nll=self._rate(prompt, answer) if self._rates else None)

    def _answer(self, prompt: QaPrompt) -> str:
        body = {
            "model": self._model,
            "messages": prompt.messages,
            "temperature": 0,
            "max_tokens": self._max_new_tokens,
            "stop": ["\n"],
        }
        response = self._post("/v1/chat/completions", body)
        content = _first_choice(_json(response)).get("message", {}).get("content")
        return (content or "").strip()

    def _rate(self, prompt: QaPrompt, answer: str) -> float | None:
        """Nats per token from vLLM's ``prompt_logprobs`` of prompt and gold answer, sent as ids."""
        gold = self._renderer.answer(answer)
        ids = [*self._renderer.prompt(prompt), *gold]
        body = {"model": self._model, "prompt": ids, "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0}
        response = self._post("/v1/completions", body, allowed=_NO_PROMPT_LOGPROBS)
        logprobs = _first_choice(_json(response)).get("prompt_logprobs") if response.is_success else None
        if not isinstance(logprobs, list) or len(logprobs) != len(ids):
            self._rates = False
            return None
        tail = zip(gold, logprobs[-len(gold) :], strict=True)
        return -sum(float(entry[str(token)]["logprob"]) for token, entry in tail) / len(gold)

    def _served(self, model: str | None) -> dict[str, Any]:
        served = _json(self._request("GET", "/v1/models")).get("data") or []
        names = [str(entry.get("id")) for entry in served]
        if not names or (model is not None and model not in names):
            raise InvalidInputError(f"{self._client.base_url} serves {names}, not {model!r}", param="model")
        entry: dict[str, Any] = served[names.index(model) if model is not None else 0]
        return entry

    def _post(self, path: str, body: dict[str, Any], *, allowed: tuple[int, ...] = ()) -> httpx.Response:
        return self._request("POST", path, body=body, allowed=allowed)

    def _request(
        self, method: str, path: str, *, body: dict[str, Any] | None = None, allowed: tuple[int, ...] = ()
    ) -> httpx.Response:
        try:
            response = self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise EngineError(f"{self._client.base_url}{path}: {error or type(error).__name__}") from error
        if not response.is_success and response.status_code not in allowed:
            raise EngineError(f"{response.url} answered {response.status_code}: {response.text:.200}")
        return response


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError as error:
        raise EngineError(f"{response.url} answered no JSON: {response.text:.200}") from error
    if not isinstance(body, dict):
        raise EngineError(f"{response.url} answered no JSON object: {response.text:.200}")
    return body


def _first_choice(body: dict[str, Any]) -> dict[str, Any]:
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise EngineError(f"an answer without choices: {body!s:.200}")
    return choices[0]
