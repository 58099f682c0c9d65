"""Greedy answers to several prompts at once, from the caches that their prefills left.

A step of a small model costs nearly the same for one prompt as for ten: what it takes is reading the
weights. So the caches of prompts of about equal length are stacked, the shorter ones padded in front.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

from semtoken.tokenizer import ServedTokenizer


@dataclass(frozen=True, slots=True)
class Prefilled:
    """A prompt that the model has read."""

    length: int
    logits: torch.Tensor = field(repr=False)
    """(vocabulary,) what follows the prompt's last token."""
    cache: Any = field(repr=False)


class GreedyDecoder:
    """Continues prompts with their most probable tokens up to an end token or a line end."""

    def __init__(self, model: Any, tokenizer: ServedTokenizer, max_new_tokens: int) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._max_new_tokens = max_new_tokens
        ends = model.generation_config.eos_token_id
        self._stops = frozenset([ends] if isinstance(ends, int) else ends or [])

    def answers(self, prompts: Sequence[Prefilled]) -> list[str]:
        """One answer a prompt, without blanks around it; uses the caches up."""
        if all(_stackable(prompt.cache) for prompt in prompts):
            return self._decode(prompts)
        return [answer for prompt in prompts for answer in self._decode([prompt])]

    def _decode(self, prompts: Sequence[Prefilled]) -> list[str]:
        lengths = torch.tensor([[prompt.length] for prompt in prompts], device=self._model.device)
        longest = int(lengths.max())
        cache = prompts[0].cache if len(prompts) == 1 else _stack([prompt.cache for prompt in prompts], longest)
        places = torch.arange(longest + self._max_new_tokens, device=self._model.device)
        mask = (places >= longest - lengths).long()
        logits = torch.stack([prompt.logits for prompt in prompts])
        answers: list[list[int]] = [[] for _ in prompts]
        open_rows = set(range(len(prompts)))
        for step in range(self._max_new_tokens):
            tokens = logits.argmax(dim=-1)
            for row, token in enumerate(tokens.tolist()):
                if row in open_rows and not self._take(answers[row], token):
                    open_rows.remove(row)
            if not open_rows or step + 1 == self._max_new_tokens:
                break
            logits = self._model(
                input_ids=tokens[:, None],
                attention_mask=mask[:, : longest + step + 1],
                position_ids=lengths + step,
                past_key_values=cache,
                use_cache=True,
            ).logits[:, -1]
        return [self._line(answer) for answer in answers]

    def _take(self, answer: list[int], token: int) -> bool:
        """Add a token to an answer; whether the answer goes on."""
        if token in self._stops:
            return False
        answer.append(token)
        return "\n" not in self._tokenizer.decode(answer).lstrip()

    def _line(self, ids: Sequence[int]) -> str:
        lines = self._tokenizer.decode(ids).strip().splitlines()
        return lines[0].strip() if lines else ""


def _stackable(cache: Any) -> bool:
    """Whether every layer keeps all keys (no sliding window, no recurrent state)."""
    return isinstance(cache, DynamicCache) and all(type(layer) is DynamicLayer for layer in cache.layers)


def _stack(caches: Sequence[Any], longest: int) -> DynamicCache:
    """One cache with a row for each, padded in front to the length of the longest."""

    def padded(states: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.pad(states, (0, 0, longest - states.shape[-2], 0))

    layers = zip(*(cache.layers for cache in caches), strict=True)
    return DynamicCache(
        [
            (torch.cat([padded(row.keys) for row in layer]), torch.cat([padded(row.values) for row in layer]))
            for layer in layers
        ]
    )
