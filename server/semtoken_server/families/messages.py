"""``/v1/messages``: Anthropic's API."""

from __future__ import annotations

import json
from typing import Any

from semtoken_server.families.base import Family
from semtoken_server.families.conversation import Conversation, Message, Place, opening, text_parts
from semtoken_server.families.streams import MESSAGE_EVENTS
from semtoken_server.rewrite import Path
from semtoken_server.schemas.messages import MessagesRequest

_TEXT = ("text",)
# vLLM leaves such a text out: it holds a hash that is another one in every request.
_LEFT_OUT = "x-anthropic-billing-header"


class Messages(Family[MessagesRequest]):
    """A message, the user's long texts and what tools put out compressed."""

    path = "/v1/messages"
    summary = "A message (Anthropic's API)"
    schema = MessagesRequest
    stream = MESSAGE_EVENTS

    def read(self, data: dict[str, Any], asked: MessagesRequest) -> Conversation:
        """The messages that vLLM makes of the system prompt and the content blocks."""
        system, instructions = _system(asked.system, ("system",))
        blocks = _Blocks([{"role": "system", "content": system}] if system else [], instructions)
        for number, message in enumerate(asked.messages):
            blocks.add(message.role, message.content, ("messages", number, "content"))
        tools = [_tool(tool) for tool in asked.tools or ()]
        return Conversation(blocks.messages, blocks.places, tools or None, blocks.instructions)

    def beginning(self, data: dict[str, Any]) -> Any:
        """System prompt, tools, the system's messages, and the beginning of the first that is another's."""
        return [data.get("system"), data.get("tools"), opening(data.get("messages"))]


class _Blocks:
    """Messages on their way to OpenAI's form, as vLLM 0.32 makes it (``entrypoints/anthropic/serving.py``)."""

    def __init__(self, messages: list[Message], instructions: dict[Path, str]) -> None:
        self.messages = messages
        self.places: dict[Place, Path] = {}
        self.instructions = instructions

    def add(self, role: str, content: Any, path: Path) -> None:
        """One more message."""
        if role == "system":
            text, instructions = _system(content, path)
            self.instructions |= instructions
            if text:
                self.messages.append({"role": role, "content": text})
        elif isinstance(content, str):
            self.places[len(self.messages), None] = path
            self.messages.append({"role": role, "content": content})
        elif role == "user":
            # The results of tools become messages of their own, before what the user says.
            for index, block in enumerate(content):
                if block.get("type") == "tool_result":
                    self._result(block, (*path, index, "content"))
            self._texts(role, content, path)
        else:
            self._texts(role, content, path, **_calls(content))

    def _texts(self, role: str, content: list[dict[str, Any]], path: Path, **fields: Any) -> None:
        texts = [(index, text) for index, text in text_parts(content, _TEXT) if text]
        if not texts and not fields and role == "user":
            return
        self._append(role, texts, path, **fields)

    def _result(self, block: dict[str, Any], path: Path) -> None:
        content, call = block.get("content"), block.get("tool_use_id") or ""
        if isinstance(content, str):
            self.places[len(self.messages), None] = path
            self.messages.append({"role": "tool", "content": content, "tool_call_id": call})
        else:
            self._append("tool", text_parts(content, _TEXT), path, tool_call_id=call)

    def _append(self, role: str, texts: list[tuple[int, str]], path: Path, **fields: Any) -> None:
        for part, (index, _) in enumerate(texts):
            self.places[len(self.messages), part] = (*path, index, "text")
        parts = [{"type": "text", "text": text} for _, text in texts]
        self.messages.append({"role": role, "content": parts, **fields})


def _system(content: Any, path: Path) -> tuple[str, dict[Path, str]]:
    """A system prompt as the engine joins it, and the place of each of its texts."""
    texts = {path: content} if isinstance(content, str) else {}
    texts |= {(*path, index, "text"): text for index, text in text_parts(content, _TEXT)}
    return "".join(text for text in texts.values() if not text.startswith(_LEFT_OUT)), texts


def _calls(content: list[dict[str, Any]]) -> dict[str, Any]:
    """Tool calls and reasoning of an assistant's blocks."""
    fields: dict[str, Any] = {}
    thoughts: list[str] = []
    for block in content:
        if block.get("type") == "tool_use":
            arguments = json.dumps(block.get("input") or {})
            function = {"name": block.get("name") or "", "arguments": arguments}
            call = {"id": block.get("id"), "type": "function", "function": function}
            fields.setdefault("tool_calls", []).append(call)
        elif block.get("type") == "thinking" and isinstance(block.get("thinking"), str):
            thoughts.append(block["thinking"])
    return {**fields, "reasoning": "".join(thoughts)} if thoughts else fields


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    function = {"name": tool.get("name"), "description": tool.get("description")}
    return {"type": "function", "function": {**function, "parameters": tool.get("input_schema")}}
