"""What the fake engine hears and says on each route, in that route's own form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

RESPONSES, MESSAGES = "/v1/responses", "/v1/messages"
CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"


def event(data: dict[str, Any]) -> bytes:
    """One event, named after its type where it has one."""
    name = f"event: {data['type']}\n" if "type" in data else ""
    return f"{name}data: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def heard(path: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of a request in OpenAI's form: texts and roles, as far as they count."""
    if path == RESPONSES:
        items = asked["input"] if isinstance(asked["input"], list) else [{"role": "user", "content": asked["input"]}]
        system = [{"role": "system", "content": asked["instructions"]}] if asked.get("instructions") else []
        return [*system, *(_item(item) for item in items)]
    if path == MESSAGES:
        system = [{"role": "system", "content": _joined(asked["system"])}] if asked.get("system") else []
        return [*system, *(made for message in asked["messages"] for made in _blocks(message))]
    messages: list[dict[str, Any]] = asked["messages"]
    return messages


def whole(path: str, words: Sequence[str], usage: dict[str, int]) -> dict[str, Any]:
    """An unstreamed answer on the two newer routes."""
    if path == RESPONSES:
        part = {"type": "output_text", "text": "".join(words), "annotations": []}
        said = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [part]}
        return {**_response("completed"), "output": [said], "usage": _responses_usage(usage)}
    text = [{"type": "text", "text": "".join(words)}]
    return {**_message(), "content": text, "stop_reason": "end_turn", "usage": _messages_usage(usage)}


def first(path: str) -> list[bytes]:
    """What comes before the words of a stream."""
    if path == RESPONSES:
        return [event({"type": "response.created", "sequence_number": 0, "response": _response("in_progress")})]
    if path == MESSAGES:
        begun = {**_message(), "content": [], "usage": {"input_tokens": 1, "output_tokens": 0}}
        block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        return [event({"type": "message_start", "message": begun}), event(block)]
    return []


def word(path: str, text: str) -> bytes:
    """One word of a stream."""
    if path == RESPONSES:
        place = {"item_id": "m", "output_index": 0, "content_index": 0, "sequence_number": 1, "logprobs": []}
        return event({"type": "response.output_text.delta", "delta": text, **place})
    if path == MESSAGES:
        return event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})
    said = {"delta": {"role": "assistant", "content": text}} if path == CHAT else {"text": text}
    return event({"id": "x", "choices": [{"index": 0, **said}]})


def last(path: str, words: Sequence[str], usage: dict[str, int], *, asked_for: bool) -> Iterator[bytes]:
    """What comes after the words; ``asked_for`` tells of the usage on the two older routes."""
    if path == RESPONSES:
        yield event({"type": "response.completed", "sequence_number": 9, "response": whole(path, words, usage)})
    elif path == MESSAGES:
        yield event({"type": "content_block_stop", "index": 0})
        ended = {"stop_reason": "end_turn", "stop_sequence": None}
        yield event({"type": "message_delta", "delta": ended, "usage": _messages_usage(usage)})
        yield event({"type": "message_stop"})
    else:
        if asked_for:
            yield event({"id": "x", "choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"


def _item(item: dict[str, Any]) -> dict[str, Any]:
    if item.get("type") == "function_call_output":
        return {"role": "tool", "content": item["output"], "tool_call_id": item["call_id"]}
    if item.get("type") == "function_call":
        function = {"name": item["name"], "arguments": item["arguments"]}
        call = {"id": item["call_id"], "type": "function", "function": function}
        return {"role": "assistant", "content": None, "tool_calls": [call]}
    return {"role": item["role"], "content": item["content"]}


def _blocks(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    content = message["content"]
    if isinstance(content, str):
        yield {"role": message["role"], "content": content}
        return
    for block in content:
        if block["type"] == "tool_result":
            yield {"role": "tool", "content": block["content"], "tool_call_id": block["tool_use_id"]}
    texts = [block for block in content if block["type"] == "text"]
    if texts or message["role"] == "assistant":
        yield {"role": message["role"], "content": texts}


def _joined(system: Any) -> str:
    return system if isinstance(system, str) else "".join(block["text"] for block in system)


def _response(status: str) -> dict[str, Any]:
    fixed = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    return {"id": "r", "object": "response", "created_at": 0, "model": "x", "output": [], "status": status, **fixed}


def _message() -> dict[str, Any]:
    ended = {"stop_reason": None, "stop_sequence": None}
    return {"id": "m", "type": "message", "role": "assistant", "model": "x", **ended}


def _responses_usage(usage: dict[str, int]) -> dict[str, Any]:
    details = {
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    return {**_messages_usage(usage), "total_tokens": usage["total_tokens"], **details}


def _messages_usage(usage: dict[str, int]) -> dict[str, int]:
    return {"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]}
