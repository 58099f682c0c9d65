"""What is refused, by the engine and by the gateway."""

from __future__ import annotations

from typing import Any

from e2e.differential.forms import CHAT, COMPLETIONS, MESSAGES, RESPONSES, TOOL, Fields

PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
UNKNOWN = {"type": "function", "function": {"name": "x"}}
SEE = [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
# Every one is refused, by the engine where it is not said otherwise.
REFUSED: dict[str, list[tuple[str, Fields]]] = {
    CHAT: [
        ("temperature", {"temperature": -1}),
        ("max_tokens", {"max_tokens": 100_000}),
        ("n", {"n": 0}),
        ("top_logprobs", {"logprobs": True, "top_logprobs": 999}),
        ("stop", {"stop": 5}),
        ("tool_choice", {"tool_choice": "required"}),
        ("unknown tool", {"tools": [TOOL], "tool_choice": UNKNOWN}),
        ("schema", {"response_format": {"type": "json_schema"}}),
        ("stream_options", {"stream_options": {"include_usage": "maybe"}, "stream": True}),
        ("image", {"messages": [{"role": "user", "content": SEE}]}),
        ("seed", {"seed": "x"}),
        ("bare strings", {"messages": [{"role": "user", "content": ["Name", "a city."]}]}),
        ("no content of the user", {"messages": [{"role": "user", "content": None}]}),
    ],
    COMPLETIONS: [
        ("temperature", {"temperature": 5000}),
        ("suffix", {"suffix": "end"}),
        ("logprobs", {"logprobs": 999}),
        ("max_tokens", {"max_tokens": -1}),
        ("ids", {"prompt": [99_999_999]}),
    ],
    RESPONSES: [
        ("temperature", {"temperature": -1}),
        ("previous", {"previous_response_id": "resp_1"}),
        ("background", {"background": True, "store": True}),
        ("item", {"input": [{"type": "no-such-item"}]}),
        ("include", {"include": ["x"]}),
    ],
    MESSAGES: [
        ("max_tokens", {"max_tokens": 0}),
        ("role", {"messages": [{"role": "tool", "content": "x"}]}),
        ("thinking", {"thinking": {"type": "enabled", "budget_tokens": 5}}),
        ("block", {"messages": [{"role": "user", "content": [{"type": "x"}]}]}),
    ],
}
MODEL = ("model", {"model": "no-such-model"})
# Of these the gateway knows itself that they cannot be answered.
GATEWAY_S: dict[str, list[tuple[str, Any]]] = {
    CHAT: [
        MODEL,
        ("no messages", {"messages": None}),
        ("no list", {"messages": "Hi"}),
        ("no JSON", b'{"messages": '),
        ("array", b"[]"),
    ],
    COMPLETIONS: [MODEL, ("mixed", {"prompt": [1, "a"]}), ("no JSON", b"nothing")],
    RESPONSES: [MODEL, ("number", {"input": 5}), ("no JSON", b"{'a': 1}")],
    MESSAGES: [MODEL, ("no messages", {"messages": None}), ("no JSON", b"")],
}
