"""``/v1/chat/completions``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from semtoken_server.families.base import Family
from semtoken_server.families.conversation import Conversation, Place, opening, text_parts
from semtoken_server.families.streams import CHUNKS
from semtoken_server.rewrite import Path
from semtoken_server.schemas.generation import ChatRequest


class Chat(Family[ChatRequest]):
    """A chat, its long user and tool messages compressed."""

    path = "/v1/chat/completions"
    summary = "A chat completion"
    schema = ChatRequest
    not_realised: ClassVar[Mapping[str, str]] = {
        "tokens": "in a chat needs an engine started with --enable-scale-out;"
        " this version of the gateway forwards chats as text or embeddings"
    }
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

    def beginning(self, data: dict[str, Any]) -> Any:
        """The tools, and the messages up to the first that is not the system's."""
        return [data.get("tools"), opening(data.get("messages"))]
