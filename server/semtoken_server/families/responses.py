"""``/v1/responses``."""

from __future__ import annotations

import json
from typing import Any

from semtoken_server.families.base import Family
from semtoken_server.families.conversation import Conversation, Message, Place, beginning_of, opening, text_parts
from semtoken_server.families.streams import RESPONSE_EVENTS
from semtoken_server.rewrite import Path
from semtoken_server.schemas.responses import ResponsesRequest

_TEXT = ("input_text", "text")
_OUTPUTS = ("function_call_output", "custom_tool_call_output")


class Responses(Family[ResponsesRequest]):
    """A response, the user's long inputs and what tools put out compressed."""

    path = "/v1/responses"
    summary = "A response"
    schema = ResponsesRequest
    stream = RESPONSE_EVENTS

    def read(self, data: dict[str, Any], asked: ResponsesRequest) -> Conversation:
        """The messages that vLLM makes of instructions and input."""
        items = _Items()
        if asked.instructions:
            items.places[0, None] = ("instructions",)
            items.messages.append({"role": "system", "content": asked.instructions})
        if isinstance(asked.input, str):
            items.text("user", asked.input, ("input",))
        else:
            for number, item in enumerate(asked.input):
                items.add(item, ("input", number))
        tools = [_tool(tool) for tool in asked.tools or () if tool.get("type") == "function"]
        return Conversation(items.messages, items.places, tools or None)

    def beginning(self, data: dict[str, Any]) -> Any:
        """Instructions, tools, the system's items, and the beginning of the first that is another's."""
        asked = data.get("input")
        begun = beginning_of(asked) if isinstance(asked, str) else opening(asked)
        return [data.get("instructions"), data.get("tools"), begun]


class _Items:
    """Input items on their way to messages, as vLLM 0.32 makes them (``entrypoints/openai/responses/utils.py``).

    Some messages span several items: reasoning, text and calls of one turn. Items of other kinds are the
    engine's to judge; they are neither changed nor counted.
    """

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.places: dict[Place, Path] = {}

    def text(self, role: str, content: Any, path: Path, **fields: Any) -> None:
        """A message whose content is a string or a list of parts, at ``path``."""
        number = len(self.messages)
        if isinstance(content, str):
            self.places[number, None] = path
            self.messages.append({"role": role, "content": content, **fields})
            return
        parts: list[dict[str, Any]] = []
        for index, text in text_parts(content, _TEXT):
            self.places[number, len(parts)] = (*path, index, "text")
            parts.append({"type": "text", "text": text})
        self.messages.append({"role": role, "content": parts, **fields})

    def add(self, item: dict[str, Any], path: Path) -> None:
        """One more item."""
        kind, role = item.get("type", "message"), item.get("role")
        if kind in ("function_call", "custom_tool_call"):
            self._call(item, kind)
        elif kind in _OUTPUTS:
            self.text("tool", item.get("output"), (*path, "output"), tool_call_id=item.get("call_id"))
        elif kind == "reasoning":
            self._said("reasoning", _first_text(item.get("content")) or _first_text(item.get("summary")) or "")
        elif kind == "message" and role == "assistant":
            content = item.get("content")
            if (said := content if isinstance(content, str) else _first_text(content)) is not None:
                self._said("content", said)
        elif kind == "message" and isinstance(role, str) and role:
            self.text(role, item.get("content"), (*path, "content"))

    def _call(self, item: dict[str, Any], kind: str) -> None:
        arguments = item.get("arguments")
        if kind == "custom_tool_call":
            arguments = json.dumps({"input": item.get("input") or ""}, ensure_ascii=False)
        function = {"name": item.get("name"), "arguments": arguments}
        call = {"id": item.get("call_id"), "type": "function", "function": function}
        if self._last_is_assistant():
            self.messages[-1].setdefault("tool_calls", []).append(call)
        else:
            self.messages.append({"role": "assistant", "content": None, "tool_calls": [call]})

    def _said(self, name: str, text: str) -> None:
        if self._last_is_assistant() and self.messages[-1].get(name) is None:
            self.messages[-1][name] = text
        else:
            self.messages.append({"role": "assistant", "content": None, name: text})

    def _last_is_assistant(self) -> bool:
        return bool(self.messages) and self.messages[-1]["role"] == "assistant"


def _first_text(content: Any) -> str | None:
    first = content[0] if isinstance(content, list) and content else None
    text = first.get("text") if isinstance(first, dict) else None
    return text if isinstance(text, str) else None


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {name: value for name, value in tool.items() if name != "type"}}
