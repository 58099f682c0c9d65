"""A request's messages in OpenAI's form, each text with its place in the body that it came in."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from semtoken import MessagesResult, PartResult, without_keep_tags

from semtoken_server.compression.embeds import embedded_part
from semtoken_server.compression.service import CompressionService
from semtoken_server.families.base import BEGINNING, Prepared
from semtoken_server.options import RequestOptions
from semtoken_server.rewrite import Edits, Path

Message = dict[str, Any]
Place = tuple[int, int | None]
"""A message, and its content part; None where its content is a plain string."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What the compressor is given; what it makes goes back to where the texts came from."""

    messages: Sequence[Message] = field(repr=False)
    places: Mapping[Place, Path] = field(repr=False)
    """Of every text that may change."""
    tools: Sequence[Mapping[str, Any]] | None = field(default=None, repr=False)
    """In OpenAI's form; they only count."""
    instructions: Mapping[Path, str] = field(default_factory=dict, repr=False)
    """Texts in which nothing changes but that keep tags are taken out."""

    def texts(self, roles: Container[str]) -> list[str]:
        """Those of the messages of these roles."""
        return [_text(self.messages, place) for place in self.places if self.messages[place[0]]["role"] in roles]

    def without_keep_tags(self) -> Edits:
        """What changes where nothing is compressed, but keep tags are to be taken out."""
        texts = {path: _text(self.messages, place) for place, path in self.places.items()} | dict(self.instructions)
        return _changed((path, text, without_keep_tags(text)) for path, text in texts.items())

    async def compressed(self, service: CompressionService, options: RequestOptions) -> Prepared:
        """Compress; raises what ``CompressionService.chat`` raises."""
        outcome, form = await service.chat(self.messages, options, self.tools)
        if form is None:
            return Prepared(outcome, self.without_keep_tags() if options.compression.keep_tags else {})
        edits = self._edits(form, options)
        if options.compression.realise == "embeds":
            # Off the event loop: what it writes can be megabytes.
            edits = await asyncio.to_thread(self._embedded, edits, form.parts)
        seams = [(part.retokenised, part.result.token_ids) for part in form.parts if part.retokenised is not None]
        return Prepared(outcome, edits, seams=seams)

    def _edits(self, form: MessagesResult, options: RequestOptions) -> Edits:
        edits = _changed(
            (path, _text(self.messages, place), _text(form.messages, place)) for place, path in self.places.items()
        )
        if options.compression.keep_tags:
            edits |= _changed((path, text, without_keep_tags(text)) for path, text in self.instructions.items())
        return edits

    def _embedded(self, edits: Edits, parts: Iterable[PartResult]) -> Edits:
        """``edits`` with a content part of embeddings in the place of each text that has them."""
        changed = dict(edits)
        for part in parts:
            if (vectors := part.embedded) is None:
                continue
            path = self.places[part.message, part.part]
            changed.pop(path, None)
            if part.part is None:
                changed[path] = orjson.dumps([embedded_part(vectors)])
            else:
                changed[path[:-1]] = orjson.dumps(embedded_part(vectors))
        return changed


def text_parts(content: Any, kinds: Container[str]) -> list[tuple[int, str]]:
    """The texts of a list of content parts, each with its index; of no list none."""
    if not isinstance(content, list):
        return []
    return [
        (index, part["text"])
        for index, part in enumerate(content)
        if isinstance(part, dict) and part.get("type") in kinds and isinstance(part.get("text"), str)
    ]


def opening(messages: Any, system: Container[str] = ("system", "developer")) -> list[Any]:
    """What all turns of a conversation and all questions about one document begin with.

    That is the system's messages, and of the first that is another's the beginning of its text.
    """
    begun: list[Any] = []
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, dict):
            return [*begun, message]
        if message.get("role") not in system:
            return [*begun, {**message, "content": beginning_of(message.get("content"))}]
        begun.append(message)
    return begun


def beginning_of(content: Any) -> Any:
    """The first ``BEGINNING`` characters of a text or of content parts; a part that is no text counts as its JSON."""
    if isinstance(content, str):
        return content[:BEGINNING]
    if not isinstance(content, list):
        return content
    begun: list[Any] = []
    room = BEGINNING
    for part in content:
        if room <= 0:
            break
        text = part.get("text") if isinstance(part, dict) else None
        begun.append(text[:room] if isinstance(text, str) else part)
        # No part of an image tells it from others as its first characters do a text.
        room -= len(text) if isinstance(text, str) else len(orjson.dumps(part))
    return begun


def _text(messages: Sequence[Mapping[str, Any]], place: Place) -> str:
    content = messages[place[0]]["content"]
    text: str = content if place[1] is None else content[place[1]]["text"]
    return text


def _changed(texts: Iterable[tuple[Path, str, str]]) -> dict[Path, bytes | None]:
    # Equal forms keep the client's own bytes.
    return {path: orjson.dumps(after) for path, before, after in texts if after != before}
