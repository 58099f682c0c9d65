"""What the evaluation asks of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from transformers import PreTrainedTokenizerFast

from semtoken.datamodels import FloatArray
from semtoken.evaluation.prompts import QaPrompt
from semtoken.tokenizer import ServedTokenizer

MAX_NEW_TOKENS = 32


@dataclass(frozen=True, slots=True)
class Score:
    """What a model made of one prompt."""

    prediction: str | None
    """The greedy answer up to the first line end, or None where none was asked for."""
    answer_nll: float | None
    """Nats per token of the gold answer (without an end token) right after the prompt, or None
    where the engine gives no log-probabilities of a prompt."""


@dataclass(frozen=True, slots=True)
class CausalModel:
    """A causal language model of ``transformers`` with its tokenizer."""

    model: Any
    tokenizer: PreTrainedTokenizerFast


class Scorer(Protocol):
    """A model that answers questions."""

    @property
    def name(self) -> str:
        """What the report calls the model."""

    @property
    def tokenizer(self) -> ServedTokenizer:
        """The served model's tokenizer, in which budgets are counted."""

    @property
    def window(self) -> int:
        """The most tokens that prompt and answer may have together."""

    def prompt_tokens(self, prompt: QaPrompt) -> int:
        """Tokens of the whole prompt as the model gets it."""

    def score(self, prompts: Sequence[QaPrompt], answer: str) -> list[Score]:
        """Answer each prompt greedily and rate the gold ``answer`` after it; raises ``EngineError``.

        The prompts are of about one length: several forms of one example.
        """


class LanguageModel(Protocol):
    """A model whose probabilities can be read for any tokens."""

    @property
    def name(self) -> str:
        """What the report calls the model."""

    @property
    def tokenizer(self) -> ServedTokenizer:
        """The tokenizer of the ids."""

    @property
    def window(self) -> int:
        """The most tokens that context and target may have together."""

    def continuation_nll(self, context: Sequence[int], target: Sequence[int]) -> FloatArray:
        """(len(target),) nats of each target token after the context."""

    def surprisal(self, ids: Sequence[int]) -> FloatArray:
        """(len(ids),) nats of each token given those before it, in windows where the text is longer."""


@runtime_checkable
class VectorReader(Protocol):
    """A language model that takes input embeddings in place of a context's tokens."""

    def continuation_nll_of_vectors(self, vectors: FloatArray, target: Sequence[int]) -> FloatArray:
        """(len(target),) nats of each target token after a context of ``vectors`` (n, d)."""
