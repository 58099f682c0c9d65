"""A `transformers` model in this process: one prefill a prompt, its cache used for rating and answering."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from semtoken.datamodels import FloatArray
from semtoken.errors import InvalidInputError, ModelNotFoundError
from semtoken.evaluation.prompts import QaPrompt
from semtoken.evaluation.scorers.base import MAX_NEW_TOKENS, CausalModel, Score
from semtoken.evaluation.scorers.greedy import GreedyDecoder, Prefilled
from semtoken.evaluation.scorers.rendering import PromptRenderer, load_tokenizer
from semtoken.tokenizer import ServedTokenizer

Device = Literal["auto", "cpu", "cuda"]

_SURPRISAL_WINDOW = 2_048
_LOGIT_ROWS = 256
"""Rows of logits widened to float32 at once: 256 x 49,152 of them are 50 MB."""


class LocalModel:
    """Scorer and language model on CPU or GPU."""

    def __init__(
        self,
        model: Any,
        tokenizer: PreTrainedTokenizerFast,
        *,
        name: str,
        max_new_tokens: int = MAX_NEW_TOKENS,
    ) -> None:
        """Wrap a loaded causal LM; ``max_new_tokens`` 0 rates answers without giving any."""
        self._model = model.eval()
        self._causal = CausalModel(self._model, tokenizer)
        self._renderer = PromptRenderer(tokenizer)
        self._name = name
        self._decoder = GreedyDecoder(model, self._renderer.served, max_new_tokens) if max_new_tokens else None

    @classmethod
    def from_pretrained(
        cls, folder: Path, *, device: Device = "auto", max_new_tokens: int = MAX_NEW_TOKENS
    ) -> LocalModel:
        """Load a model folder in the dtype it was saved in.

        Raises ``ModelNotFoundError`` when there is no causal language model with a fast tokenizer.
        """
        place = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        tokenizer = load_tokenizer(folder)
        try:
            model: Any = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype="auto")
        except (OSError, ValueError, KeyError) as error:
            raise ModelNotFoundError(f"no causal language model in {str(folder)!r}: {error}") from error
        return cls(model.to(place), tokenizer, name=folder.name, max_new_tokens=max_new_tokens)

    @property
    def name(self) -> str:
        """The model folder's name."""
        return self._name

    @property
    def tokenizer(self) -> ServedTokenizer:
        """The model's own tokenizer."""
        return self._renderer.served

    @property
    def window(self) -> int:
        """The model's context length."""
        return int(self._model.config.max_position_embeddings)

    @property
    def causal(self) -> CausalModel:
        """The loaded model and its tokenizer."""
        return self._causal

    def prompt_tokens(self, prompt: QaPrompt) -> int:
        """Tokens of the rendered chat."""
        return len(self._renderer.prompt(prompt))

    @torch.inference_mode()
    def score(self, prompts: Sequence[QaPrompt], answer: str) -> list[Score]:
        """Prefill each prompt once, rate the gold answer on a copy of its cache, then answer all together."""
        gold = self._renderer.answer(answer)
        if not gold:
            raise InvalidInputError(f"the answer {answer!r} has no token")
        read, nlls = [], []
        for prompt in prompts:
            read.append(self._prefill(prompt))
            nlls.append(self._answer_nll(read[-1], gold))
        answers = self._decoder.answers(read) if self._decoder else [None] * len(prompts)
        return [Score(prediction, nll) for prediction, nll in zip(answers, nlls, strict=True)]

    @torch.inference_mode()
    def continuation_nll(self, context: Sequence[int], target: Sequence[int]) -> FloatArray:
        """Nats of each target token; only the target's rows of logits are made."""
        ids = [*self._renderer.leading, *context, *target]
        if len(ids) == len(target):
            raise InvalidInputError("the first token of a text without context has no probability")
        logits = self._model(input_ids=self._tensor(ids[:-1]), use_cache=False, logits_to_keep=len(target)).logits[0]
        return _nll(logits, target)

    @torch.inference_mode()
    def continuation_nll_of_vectors(self, vectors: FloatArray, target: Sequence[int]) -> FloatArray:
        """Nats of each target token after ``vectors`` (n, d) in place of a context's embeddings."""
        inputs = self._inputs(self._renderer.leading, vectors, target[:-1])
        output = self._model(inputs_embeds=inputs, use_cache=False, logits_to_keep=len(target))
        return _nll(output.logits[0], target)

    @torch.inference_mode()
    def surprisal(self, ids: Sequence[int]) -> FloatArray:
        """Nats of each token; long texts in windows that overlap by half, so that context is never short.

        The first token of all has no context where the model has no BOS: it gets the mean of the others.
        """
        size = min(_SURPRISAL_WINDOW, self.window - len(self._renderer.leading))
        nats = np.full(len(ids), np.nan, dtype=np.float32)
        done = 0
        while done < len(ids):
            begin = 0 if done == 0 else done - size // 2
            part = [*self._renderer.leading, *ids[begin : begin + size]]
            values = self._window_nll(part)
            end = min(begin + size, len(ids))
            known = min(end - done, len(values))
            nats[end - known : end] = values[len(values) - known :]
            done = end
        fill = np.nanmean(nats) if np.isfinite(nats).any() else 0.0
        return np.nan_to_num(nats, nan=float(fill))

    def _window_nll(self, ids: list[int]) -> FloatArray:
        """(len(ids) - 1,) nats of every token but the first."""
        logits = self._model(input_ids=self._tensor(ids), use_cache=False).logits[0, :-1]
        rows = range(0, len(logits), _LOGIT_ROWS)
        parts = [_nll(logits[i : i + _LOGIT_ROWS], ids[i + 1 : i + 1 + _LOGIT_ROWS]) for i in rows]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)

    def _prefill(self, prompt: QaPrompt) -> Prefilled:
        if prompt.vectors is None:
            inputs = {"input_ids": self._tensor(self._renderer.prompt(prompt))}
        else:
            before, after = self._renderer.around_context(prompt)
            inputs = {"inputs_embeds": self._inputs(before, prompt.vectors, after)}
        output = self._model(**inputs, use_cache=True, logits_to_keep=1)
        [length] = {tensor.shape[1] for tensor in inputs.values()}
        return Prefilled(length=length, logits=output.logits[0, -1], cache=output.past_key_values)

    def _answer_nll(self, prompt: Prefilled, gold: list[int]) -> float:
        logits = prompt.logits[None]
        if len(gold) > 1:
            cache = copy.deepcopy(prompt.cache)
            rest = self._model(input_ids=self._tensor(gold[:-1]), past_key_values=cache, use_cache=True).logits[0]
            logits = torch.cat([logits, rest])
        return float(_nll(logits, gold).mean())

    def _inputs(self, before: Sequence[int], vectors: FloatArray, after: Sequence[int]) -> torch.Tensor:
        """(1, t, d) embeddings of two runs of tokens with ``vectors`` (n, d) between them."""
        embed = self._model.get_input_embeddings()
        middle = torch.from_numpy(vectors).to(self._model.device, embed.weight.dtype)
        sides = [embed(self._tensor(ids).long()) for ids in (before, after)]
        return torch.cat([sides[0], middle[None], sides[1]], dim=1)

    def _tensor(self, ids: Sequence[int]) -> torch.Tensor:
        return torch.tensor([list(ids)], device=self._model.device)


def _nll(logits: torch.Tensor, targets: Sequence[int]) -> FloatArray:
    """(len(targets),) nats; row ``i`` of ``logits`` predicts ``targets[i]``."""
    wanted = torch.tensor(list(targets), device=logits.device)
    nats: FloatArray = torch.nn.functional.cross_entropy(logits.float(), wanted, reduction="none").cpu().numpy()
    return nats
