"""``/v1/chat/completions``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from semtoken_server.families.base import Family
from semtoken_server.families.conversation import Conversation, Place, opening, text_parts
from semtoken_server.families.streams import CHUNKS
from semtoken_server.options import RequestOptions
from semtoken_server.rewrite import Path
from semtoken_server.schemas.generation import ChatRequest

# Stop strings stay in token ids; special tokens are written out beside a parser; log-probabilities are told otherwise,
# beside a parser not at all; a prompt is cut before its ids stand in it; the other two tell of the prompt.
_NOT_AS_TOKENS = (
    "stop",
    "include_stop_str_in_output",
    "ignore_eos",
    "logprobs",
    "truncate_prompt_tokens",
    "return_token_ids",
    "return_prompt_text",
)


class Chat(Family[ChatRequest]):
    """A chat, its long user and tool messages compressed."""

    path = "/v1/chat/completions"
    summary = "A chat completion"
    schema = ChatRequest
    not_realised: ClassVar[Mapping[str, str]] = {}
    checked = frozenset({"embeds", "tokens"})
    stream = CHUNKS

    def read(self, data: dict[str, Any], asked: ChatRequest) -> Conversation:
        """The messages are in OpenAI's form already."""
        messages = data["messages"]
        places: dict[Place, Path] = {}
        for number, message in enumerate(messages):
            path = ("messages", number, "content")
            content = message.get("content")
            if isinstance(content, str):
                places[number, None] = path
            for part, _ in text_parts(content, ("text",)):
                places[number, part] = (*path, part, "text")
        return Conversation(messages, places, asked.tools)

    def why_not(self, options: RequestOptions, data: Mapping[str, Any]) -> str | None:
        """What vLLM's token routes do not do as its chat route does."""
        asked = options.compression
        if asked.realise != "tokens" or asked.mode == "off":
            return None
        if (named := next((name for name in _NOT_AS_TOKENS if data.get(name)), None)) is not None:
            return f"cannot be had with {named}, which vLLM's token routes do not treat as its chat route does"
        contents = (message["content"] for message in data["messages"] if isinstance(message.get("content"), list))
        if any(isinstance(part, dict) and part.get("type") != "text" for content in contents for part in content):
            return "cannot be had with content parts that are no text"
        return None

    def beginning(self, data: dict[str, Any]) -> Any:
        """The tools, the system's messages, and the beginning of the first that is another's."""
        return [data.get("tools"), opening(data.get("messages"))]
