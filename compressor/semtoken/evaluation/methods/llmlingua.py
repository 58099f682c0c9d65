"""LLMLingua (Jiang et al. 2023, arXiv 2310.05736) and LongLLMLingua (2023, arXiv 2310.06839), by their own package."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from semtoken.evaluation.methods.base import WEIGHTS, Compressed, Method, Resources
from semtoken.evaluation.methods.lingua_compressor import prompt_compressor

_ROUNDS = 4
_SLACK = 0.015
"""How far below its budget a form may stay, as a share of the original."""


class LlmLingua(Method):
    """Drops paragraphs, then tokens, by their perplexity, with the package's defaults.

    The package aims at a number of tokens and misses it; the number asked for is corrected by what
    came out until the form fits the budget closely, a few times at most. The time told is that of the
    run that is kept, as a user has it who knows what to ask for.
    """

    name = "llmlingua"
    optional = True
    needs_language_model = True
    settings: ClassVar[Mapping[str, Any]] = {"rank_method": "llmlingua"}

    def __init__(self, resources: Resources) -> None:
        """Raises ``InvalidOptionError`` without a local model or where the package is missing."""
        super().__init__(resources)
        self._compressor = prompt_compressor(self._required(resources.causal_model, WEIGHTS), self._served)

    def compress(
        self, text: str, question: str | None, budgets: Sequence[int], rng: np.random.Generator
    ) -> list[Compressed]:
        """Compress once or a few times for each budget."""
        total, paragraphs = self._served.count(text), _paragraphs(text)
        return [self._fit(paragraphs, question, budget, total) for budget in budgets]

    def _fit(self, paragraphs: list[str], question: str | None, budget: int, total: int) -> Compressed:
        """The fullest form within the budget; the smallest where all are above."""
        forms: list[Compressed] = []
        fitting, over, target = 0.0, float(2 * total), float(budget)
        for _ in range(_ROUNDS):
            forms.append(self._run(paragraphs, question, target))
            tokens = forms[-1].tokens
            if budget - _SLACK * total <= tokens <= budget:
                return forms[-1]
            fitting, over = (max(fitting, target), over) if tokens <= budget else (fitting, min(over, target))
            target *= (budget - _SLACK * total / 2) / max(1, tokens)
            if not fitting < target < over:
                target = (fitting + over) / 2
        within = [form for form in forms if form.tokens <= budget]
        return max(within, key=_tokens) if within else min(forms, key=_tokens)

    def _run(self, paragraphs: list[str], question: str | None, target: float) -> Compressed:
        started = time.perf_counter()
        shorter = self._compressor.compress_prompt(
            list(paragraphs),
            question=question or "",
            target_token=target,
            concate_question=False,
            **self._settings(question),
        )["compressed_prompt"]
        return Compressed(shorter, self._served.count(shorter), time.perf_counter() - started)

    def _settings(self, question: str | None) -> Mapping[str, Any]:
        return self.settings


class LongLlmLingua(LlmLingua):
    """Ranks paragraphs by how well they foretell the question and tokens by what the question changes.

    The settings are those that its authors publish to reproduce their results; the best paragraph
    comes first. It is defined for questions only: without one it is LLMLingua.
    """

    name = "longllmlingua"
    settings: ClassVar[Mapping[str, Any]] = {
        "rank_method": "longllmlingua",
        "condition_in_question": "after_condition",
        "condition_compare": True,
        "reorder_context": "sort",
        "dynamic_context_compression_ratio": 0.3,
        "context_budget": "+100",
    }

    def _settings(self, question: str | None) -> Mapping[str, Any]:
        return self.settings if question else LlmLingua.settings


def _paragraphs(text: str) -> list[str]:
    """The text's paragraphs, its lines where no blank line parts it; blanks around them are the package's."""
    parts = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    if len(parts) > 1:
        return parts
    return [line.strip() for line in text.split("\n") if line.strip()]


def _tokens(form: Compressed) -> int:
    return form.tokens
