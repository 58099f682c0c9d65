"""What a compressed route has of its own: its request, its texts, its streams and its errors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import orjson
from semtoken import InvalidOptionError

from semtoken_server.bodies import JsonBody
from semtoken_server.compression.outcome import Outcome
from semtoken_server.compression.service import CompressionService
from semtoken_server.options import OptionsOf, RequestOptions
from semtoken_server.rewrite import Edits
from semtoken_server.schemas.generation import GenerationRequest
from semtoken_server.sse import StreamForm
from semtoken_server.token_chats.splice import Seam
from semtoken_server.window import may_overflow

RequestT = TypeVar("RequestT", bound=GenerationRequest)

BEGINNING = 1024
"""Characters of a prompt's first text, or token ids, that tell which prompts begin alike."""

_TEXT_ONLY: Mapping[str, str] = dict.fromkeys(
    ("tokens", "embeds"), "cannot be had on this route, which forwards texts as texts"
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of a prompt, and what changes in the body for it."""

    outcome: Outcome
    edits: Edits = field(default_factory=dict, repr=False)
    added: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Members of JSON that the body gets besides."""
    seams: Sequence[Seam] = field(default=(), repr=False)
    """Of texts that are to go as the ids of their kept tokens, in their order; ``edits`` is the form as text."""


class Prompt(Protocol):
    """The texts of one request that may be compressed, with their places in its body."""

    def texts(self, roles: Container[str]) -> list[str]:
        """Those of the messages of these roles."""

    def without_keep_tags(self) -> Edits:
        """What changes where nothing is compressed, but keep tags are to be taken out."""

    async def compressed(self, service: CompressionService, options: RequestOptions) -> Prepared:
        """Compress; raises what ``CompressionService.chat`` raises."""


class Family(ABC, Generic[RequestT]):
    """One compressed route; a new one writes ``read`` and ``beginning`` and names the rest."""

    path: ClassVar[str]
    summary: ClassVar[str]
    schema: type[RequestT]
    """Checks as much of a body as the gateway needs to be right; other fields pass."""
    realise: ClassVar[str] = "text"
    """The realisation where a request names none."""
    not_realised: ClassVar[Mapping[str, str]] = _TEXT_ONLY
    """Realisations that are refused, with the reason."""
    checked: ClassVar[frozenset[str]] = frozenset({"embeds"})
    """Realisations that not every engine takes on this route."""
    stream: ClassVar[StreamForm]
    operation: ClassVar[str] = "chat"
    """What OpenTelemetry calls it."""

    @abstractmethod
    def read(self, data: dict[str, Any], asked: RequestT) -> Prompt:
        """The prompt of a body that was checked."""

    @abstractmethod
    def beginning(self, data: dict[str, Any]) -> Any:
        """What requests of one conversation have in common: JSON, in the client's own form."""

    def options(self, defaults: Mapping[str, Any]) -> OptionsOf:
        """The options of this route over the server's own."""
        return OptionsOf({**defaults, "realise": self.realise})

    def affinity(self, data: dict[str, Any]) -> bytes:
        """A digest that is the same for all turns of a conversation and all questions about one document.

        About one that the first text begins with: of that text ``BEGINNING`` characters decide.
        """
        return blake2b(orjson.dumps([data.get("model"), self.beginning(data)]), digest_size=16).digest()

    def require_realisable(self, options: RequestOptions, data: Mapping[str, Any]) -> None:
        """Raises ``InvalidOptionError`` where this route cannot forward the form asked for with this body."""
        asked = options.compression.realise
        if (reason := self.not_realised.get(asked) or self.why_not(options, data)) is not None:
            raise InvalidOptionError(f"realise: {asked!r} {reason}", param="realise")

    def why_not(self, _options: RequestOptions, _data: Mapping[str, Any]) -> str | None:
        """Why the form asked for cannot be had with this body, if so."""
        return None

    async def prepare(
        self, service: CompressionService, body: JsonBody, asked: RequestT, options: RequestOptions
    ) -> Prepared:
        """Compress the request's prompt, or tell why it is left alone.

        Raises what ``CompressionService.chat`` raises.
        """
        compression = options.compression
        outcome: Outcome | None = None
        if compression.mode == "off":
            outcome = service.bypass("off", "mode_off")
        elif (reason := asked.uncompressible()) is not None:
            outcome = service.bypass("skipped", reason)
        if outcome is not None and not compression.keep_tags:
            return Prepared(outcome)
        prompt = self.read(body.data, asked)
        if outcome is None and _too_short(lambda: prompt.texts(compression.roles), body, options):
            outcome = service.bypass("skipped", "too_short")
        if outcome is None and options.withheld and not may_overflow(options, len(body.raw)):
            outcome = service.withhold(body.data.get("messages", ()))
        if outcome is None:
            return await prompt.compressed(service, options)
        return Prepared(outcome, prompt.without_keep_tags() if compression.keep_tags else {})


def _too_short(texts_of: Callable[[], list[str]], body: JsonBody, options: RequestOptions) -> bool:
    """Whether a request needs no look at its tokens.

    A token is at least a byte, so where all texts together are short none need be tokenised: there is
    nothing to compress, and nothing that a question could recall.
    """
    asked = options.compression
    if asked.mode != "auto" or asked.target_tokens is not None or may_overflow(options, len(body.raw)):
        return False
    texts, limit = texts_of(), asked.min_tokens
    # A character is at least a byte: long texts are told by their lengths, and not encoded.
    short = sum(map(len, texts)) < limit and sum(len(text.encode()) for text in texts) < limit
    return bool(texts) and short
