"""The served model's tokenizer: exact counts, ids and character offsets."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import TemplateError

from semtoken.datamodels import IntArray
from semtoken.errors import InvalidInputError, ModelNotFoundError
from semtoken.template_roles import as_rendered

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TokenizedText:
    """Token ids of a text with the characters each covers, without special tokens."""

    ids: IntArray = field(repr=False)
    starts: IntArray = field(repr=False)
    ends: IntArray = field(repr=False)

    def __len__(self) -> int:
        return len(self.ids)


class ServedTokenizer:
    """A fast Hugging Face tokenizer of the model that the engine serves."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        self._backend = tokenizer.backend_tokenizer
        self._backend.no_truncation()
        self._backend.no_padding()

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path) -> ServedTokenizer:
        """Load a tokenizer from a folder or, where there is network, a hub name.

        Raises ``ModelNotFoundError`` when there is none or it has no fast (offset-keeping) form.
        """
        from transformers import AutoTokenizer, PreTrainedTokenizerFast  # noqa: PLC0415 - takes seconds

        path = os.fspath(name_or_path)
        try:
            tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=Path(path).is_dir())
        except (OSError, ValueError) as error:
            raise ModelNotFoundError(f"no tokenizer at {path!r}: {error}") from error
        if not isinstance(tokenizer, PreTrainedTokenizerFast):
            raise ModelNotFoundError(f"the tokenizer at {path!r} has no fast form, which offsets need")
        return cls(tokenizer)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over the tokenizer's full serialised form."""
        return hashlib.sha256(self._backend.to_str().encode()).hexdigest()

    def tokenize(self, text: str) -> TokenizedText:
        """Ids and offsets of ``text``, without special tokens.

        Raises ``InvalidInputError`` for text that is not valid Unicode (lone surrogates).
        """
        encoding = self._encode(text)
        offsets = np.asarray(encoding.offsets, dtype=np.int64).reshape(-1, 2)
        return TokenizedText(np.asarray(encoding.ids, dtype=np.int64), offsets[:, 0], offsets[:, 1])

    def ids(self, text: str, *, special_tokens: bool = False) -> list[int]:
        """Token ids of ``text``; ``special_tokens`` adds the model's own (such as BOS) once."""
        ids: list[int] = self._encode(text, special_tokens=special_tokens).ids
        return ids

    def ids_inside(self, text: str) -> list[int]:
        """Token ids of a text that follows another: without the space that some tokenizers put before a text."""
        if not self._puts_space_before:
            return self.ids(text)
        # A line break is a token by itself to those that do.
        before = self.ids("\n")
        ids = self.ids(f"\n{text}")
        return ids[len(before) :] if ids[: len(before)] == before else self.ids(text)

    @cached_property
    def _puts_space_before(self) -> bool:
        return self.ids("x") != self.ids("\nx")[len(self.ids("\n")) :]

    def count(self, text: str) -> int:
        """Tokens of ``text``, without special tokens."""
        return len(self._encode(text))

    def count_messages(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None = None
    ) -> int:
        """Tokens of a whole chat: rendered with the model's template and the generation prompt.

        Where there is no template, or it refuses the chat (as some do when roles do not
        alternate), the tokens of all texts.
        """
        plain = [{**message, "content": _joined_texts(message.get("content"))} for message in messages]
        if self._tokenizer.chat_template:
            try:
                return self.count(self._render(plain, tools))
            except (TemplateError, TypeError, ValueError):
                _LOG.debug("the chat template refuses this chat; counting its texts")
        return sum(self.count(message["content"]) for message in plain)

    def _render(self, messages: list[dict[str, Any]], tools: Sequence[Mapping[str, Any]] | None) -> str:
        rendered = self._tokenizer.apply_chat_template(
            as_rendered(messages, str(self._tokenizer.chat_template)),
            tools=[dict(tool) for tool in tools] if tools else None,
            tokenize=False,
            add_generation_prompt=True,
        )
        return str(rendered)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ``ids``, special tokens included."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False))

    def _encode(self, text: str, *, special_tokens: bool = False) -> Any:
        try:
            # A batch of one: unlike `encode` it lets other threads run, for the most of a second on a long text.
            return self._backend.encode_batch([text], add_special_tokens=special_tokens)[0]
        except (TypeError, UnicodeError) as error:
            raise InvalidInputError("the text is not valid Unicode (lone surrogates)") from error


def _joined_texts(content: Any) -> str:
    """A message's text as vLLM hands it to a template: text parts joined by line breaks."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, Sequence) else ()
    return "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, Mapping) and "text" in part)
