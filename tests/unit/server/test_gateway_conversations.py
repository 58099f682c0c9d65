"""Items and blocks as messages: what vLLM makes of them, each text with its place in the body."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from semtoken_server.families.conversation import Conversation
from semtoken_server.families.messages import Messages
from semtoken_server.families.responses import Responses
from semtoken_server.rewrite import rewritten
from semtoken_server.schemas.validation import validated


def response(**body: Any) -> Conversation:
    return Responses().read(body, validated(Responses.schema, body))


def message(**body: Any) -> Conversation:
    return Messages().read(body, validated(Messages.schema, body))


def text(value: str, kind: str = "text") -> dict[str, str]:
    return {"type": kind, "text": value}


def asked(value: str) -> dict[str, str]:
    return text(value, "input_text")


def call(name: str, arguments: str) -> dict[str, Any]:
    return {"id": name, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_items_of_one_turn_become_one_message() -> None:
    items = [
        {
            "role": "user",
            "content": [text("Weather?", "input_text"), {"type": "input_image"}, text("Now?", "input_text")],
        },
        {"type": "reasoning", "content": [text("Hm.", "reasoning_text")], "summary": []},
        {"type": "message", "role": "assistant", "content": [text("Wait.", "output_text")]},
        {"type": "function_call", "call_id": "f", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "g", "name": "g", "input": "é"},
        {"type": "function_call_output", "call_id": "f", "output": "Sun"},
        {"type": "custom_tool_call_output", "call_id": "g", "output": [asked("Rain")]},
        {"type": "web_search_call", "id": "w"},
        {"role": "assistant", "content": "So."},
        {"role": "assistant", "content": "And."},
    ]
    read = response(input=items, instructions="Be brief.", tools=[{"type": "function", "name": "f"}, {"type": "mcp"}])
    assert list(read.messages) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [text("Weather?"), text("Now?")]},
        {
            "role": "assistant",
            "content": "Wait.",
            "reasoning": "Hm.",
            "tool_calls": [call("f", "{}"), call("g", '{"input": "é"}')],
        },
        {"role": "tool", "content": "Sun", "tool_call_id": "f"},
        {"role": "tool", "content": [text("Rain")], "tool_call_id": "g"},
        {"role": "assistant", "content": "So."},
        {"role": "assistant", "content": "And."},
    ]
    assert read.tools == [{"type": "function", "function": {"name": "f"}}]
    assert read.places == {
        (0, None): ("instructions",),
        (1, 0): ("input", 0, "content", 0, "text"),
        (1, 1): ("input", 0, "content", 2, "text"),
        (3, None): ("input", 5, "output"),
        (4, 0): ("input", 6, "output", 0, "text"),
    }


def test_results_of_tools_come_before_what_the_user_says() -> None:
    blocks = [
        text("So?"),
        {"type": "tool_result", "tool_use_id": "f", "content": "Sun"},
        {"type": "tool_result", "tool_use_id": "g", "content": [{"type": "image"}, text("Rain")]},
        {"type": "image", "source": {}},
        text(""),
        text("Well?"),
    ]
    used = [{"type": "thinking", "thinking": "Hm."}, text("Wait."), {"type": "tool_use", "id": "f", "name": "f"}]
    system = [text("x-anthropic-billing-header: 1"), text("Be"), text(" brief.")]
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": used},
        {"role": "user", "content": blocks},
    ]
    read = message(messages=turns, system=system, tools=[{"name": "f", "input_schema": {}}])
    assert list(read.messages) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [text("Wait.")], "reasoning": "Hm.", "tool_calls": [call("f", "{}")]},
        {"role": "tool", "content": "Sun", "tool_call_id": "f"},
        {"role": "tool", "content": [text("Rain")], "tool_call_id": "g"},
        {"role": "user", "content": [text("So?"), text("Well?")]},
    ]
    assert read.places == {
        (1, None): ("messages", 0, "content"),
        (2, 0): ("messages", 1, "content", 1, "text"),
        (3, None): ("messages", 2, "content", 1, "content"),
        (4, 0): ("messages", 2, "content", 2, "content", 1, "text"),
        (5, 0): ("messages", 2, "content", 0, "text"),
        (5, 1): ("messages", 2, "content", 5, "text"),
    }
    assert set(read.instructions) == {("system", number, "text") for number in range(3)}


@pytest.mark.parametrize(
    "odd",
    [
        {"input": [{"type": "message"}]},
        {"input": [{"role": ""}, {"role": 5, "content": 5}, {"role": "user"}]},
        {"input": [{"type": "function_call_output"}, {"type": "function_call"}, {"type": "reasoning", "summary": [5]}]},
        {"input": [{"role": "user", "content": [5, None, {"type": "input_text"}]}], "tools": [{}]},
        {"input": [{"role": "assistant", "content": [{"type": "refusal"}]}, {"type": ["x"]}, {"type": {}}]},
    ],
)
def test_odd_items_are_the_engine_s_to_refuse(odd: dict[str, Any]) -> None:
    assert isinstance(response(**odd).texts(("user", "tool")), list)


@pytest.mark.parametrize(
    "odd",
    [
        {"messages": [{"role": "user", "content": [{"type": "tool_result"}, {"type": "text", "text": ""}]}]},
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": 5}, {}]}], "system": []},
        {"messages": [{"role": "x", "content": [{"type": "tool_use", "input": 5}]}], "tools": [{}], "system": [{}]},
        {"messages": [{"role": "user", "content": [{"type": ["x"]}, {"type": {}}]}]},
    ],
)
def test_odd_blocks_are_the_engine_s_to_refuse(odd: dict[str, Any]) -> None:
    assert isinstance(message(**odd).texts(("user", "tool")), list)


def test_keep_tags_are_taken_out_of_every_text() -> None:
    tagged = "<semtoken:keep>a</semtoken:keep>b"
    body = {
        "system": [text(tagged), text("c")],
        "messages": [
            {"role": "system", "content": tagged},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "f", "content": tagged}, text(tagged)]},
        ],
    }
    left = rewritten(orjson.dumps(body), message(**body).without_keep_tags())
    assert left == orjson.dumps(body).replace(tagged.encode(), b"ab")
