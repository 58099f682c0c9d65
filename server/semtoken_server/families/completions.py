"""``/v1/completions``."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import orjson
from semtoken import without_keep_tags

from semtoken_server.compression.backend import CompressedPrompt
from semtoken_server.compression.embeds import wire_form
from semtoken_server.compression.outcome import Outcome
from semtoken_server.compression.service import CompressionService
from semtoken_server.families.base import BEGINNING, Family, Prepared
from semtoken_server.families.streams import CHUNKS
from semtoken_server.options import RequestOptions
from semtoken_server.rewrite import Edits
from semtoken_server.schemas.generation import CompletionRequest


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompts of one completion, each compressed for itself."""

    prompts: Sequence[str] = field(repr=False)
    single: bool
    """Whether the request has a string, and no list of them."""
    special_tokens: bool

    def texts(self, _roles: Container[str] = ()) -> list[str]:
        """All; a prompt has no role."""
        return list(self.prompts)

    def without_keep_tags(self) -> Edits:
        """What changes where nothing is compressed, but keep tags are to be taken out."""
        return self._edits([without_keep_tags(text) for text in self.prompts])

    async def compressed(self, service: CompressionService, options: RequestOptions) -> Prepared:
        """Compress, by default to token ids; raises what ``CompressionService.chat`` raises."""
        asked = options.compression
        outcome, done = await service.prompts(self.prompts, options, special_tokens=self.special_tokens)
        if done is None:
            return Prepared(outcome, self.without_keep_tags() if asked.keep_tags else {})
        if asked.realise == "text":
            return Prepared(outcome, self._edits([prompt.result.text for prompt in done]))
        if all(prompt.result.text == prompt.result.original for prompt in done):
            return Prepared(outcome)
        if asked.realise == "embeds":
            return await asyncio.to_thread(self._embedded, outcome, done)
        return Prepared(outcome, self._edits([prompt.ids for prompt in done]))

    def _edits(self, forms: list[Any]) -> Edits:
        if forms == list(self.prompts):
            return {}
        return {("prompt",): orjson.dumps(forms[0] if self.single else forms)}

    def _embedded(self, outcome: Outcome, done: Sequence[CompressedPrompt]) -> Prepared:
        """Embeddings instead of the prompts, all of them: the engine would take both, in another order."""
        forms = [wire_form(prompt.embeds) for prompt in done if prompt.embeds is not None]
        return Prepared(
            outcome, {("prompt",): None}, {"prompt_embeds": orjson.dumps(forms[0] if self.single else forms)}
        )


class Completions(Family[CompletionRequest]):
    """A completion, its prompt compressed and by default forwarded as token ids."""

    path = "/v1/completions"
    summary = "A completion"
    schema = CompletionRequest
    realise = "tokens"
    not_realised: ClassVar[Mapping[str, str]] = {}
    stream = CHUNKS
    operation = "text_completion"

    def read(self, _data: dict[str, Any], asked: CompletionRequest) -> Prompts:
        """The prompts that are text."""
        return Prompts(asked.texts(), isinstance(asked.prompt, str), asked.add_special_tokens)

    def beginning(self, data: dict[str, Any]) -> Any:
        """The first of the prompts, as far as it takes to tell it from others."""
        prompt = data.get("prompt")
        if isinstance(prompt, list) and prompt and isinstance(prompt[0], str | list):
            prompt = prompt[0]
        return prompt[:BEGINNING] if isinstance(prompt, str | list) else None
