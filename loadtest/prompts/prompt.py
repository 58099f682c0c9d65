"""One request of a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

Message = dict[str, Any]


class Prompt(msgspec.Struct, frozen=True):
    """What is asked, and how many tokens the answer may have."""

    scenario: str
    key: str
    """Where it is from: the record's id and, in a chat, the turn."""
    messages: list[Message]
    max_tokens: int

    def body(self, model: str, run: str = "", *, ignore_eos: bool = False) -> dict[str, Any]:
        """The JSON of a streamed chat completion.

        ``run`` is written at the prompt's very beginning, so that no run finds the prefixes of another one in the
        engine's cache. ``ignore_eos`` (of vLLM) makes every answer as long as it may be.
        """
        body: dict[str, Any] = {
            "model": model,
            "messages": _marked(self.messages, run) if run else self.messages,
            "max_tokens": self.max_tokens,
            "temperature": 0.0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        return {**body, "ignore_eos": True} if ignore_eos else body


Conversation = tuple[Prompt, ...]
"""Requests that follow one another, each with the earlier one's messages at its beginning."""


def characters(messages: list[Message]) -> int:
    """Length of all contents and tool calls."""
    return sum(len(message["content"]) + _calls(message) for message in messages)


def _calls(message: Mapping[str, Any]) -> int:
    return sum(len(call["function"]["name"] + call["function"]["arguments"]) for call in message.get("tool_calls", []))


def _marked(messages: list[Message], run: str) -> list[Message]:
    mark = f"Load test {run}."
    if messages[0]["role"] != "system":
        return [{"role": "system", "content": mark}, *messages]
    return [{**messages[0], "content": f"{mark}\n{messages[0]['content']}"}, *messages[1:]]
