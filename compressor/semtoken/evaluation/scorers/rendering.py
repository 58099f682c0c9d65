"""A prompt as the token ids that a model gets, special tokens exactly once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerFast

from semtoken.errors import ModelNotFoundError
from semtoken.evaluation.prompts import QaPrompt
from semtoken.tokenizer import ServedTokenizer

_CONTEXT_MARK = "\ue000"
"""A private-use character, which no template and no instruction holds."""


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of a model folder; raises ``ModelNotFoundError`` without a fast (offset-keeping) one."""
    if not folder.is_dir():
        raise ModelNotFoundError(f"no model folder at {str(folder)!r}")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelNotFoundError(f"no tokenizer in {str(folder)!r}: {error}") from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise ModelNotFoundError(f"the tokenizer in {str(folder)!r} has no fast form, which offsets need")
    return tokenizer


class PromptRenderer:
    """Renders prompts with the model's chat template, or as plain text for a model without one."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        self.served = ServedTokenizer(tokenizer)
        self._has_template = bool(tokenizer.chat_template)
        self.leading = _leading(self.served)
        """Special tokens that the model wants before any text (such as BOS)."""

    @property
    def max_length(self) -> int:
        """The longest text that the tokenizer's configuration allows."""
        return int(self._tokenizer.model_max_length)

    def prompt(self, prompt: QaPrompt) -> list[int]:
        """Ids of the prompt up to where the answer begins."""
        return [*self._before_text, *self.served.ids(self._rendered(prompt))]

    def around_context(self, prompt: QaPrompt) -> tuple[list[int], list[int]]:
        """Ids of what stands before the prompt's context and of what stands after it.

        Each side is tokenised by itself, as it is where the context is no text.
        """
        marked = replace(prompt, context=_CONTEXT_MARK)
        before, _, after = self._rendered(marked).partition(_CONTEXT_MARK)
        return [*self._before_text, *self.served.ids(before)], self.served.ids(after)

    def answer(self, text: str) -> list[int]:
        """Ids of an answer as it continues a prompt, without an end token."""
        return self.served.ids(text if self._has_template else f" {text}")

    @property
    def _before_text(self) -> list[int]:
        # A template writes the special tokens itself, so they must not be added again.
        return [] if self._has_template else self.leading

    def _rendered(self, prompt: QaPrompt) -> str:
        if not self._has_template:
            return f"{prompt.text}\nAnswer:"
        return str(self._tokenizer.apply_chat_template(prompt.messages, tokenize=False, add_generation_prompt=True))


def _leading(tokenizer: ServedTokenizer) -> list[int]:
    probe = "text"
    plain, wrapped = tokenizer.ids(probe), tokenizer.ids(probe, special_tokens=True)
    return wrapped[: wrapped.index(plain[0])]
