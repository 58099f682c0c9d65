"""What is asked of every compressed route: its features, one or two in each form.

A seed goes with greedy decoding only: drawing with one ends vLLM's CPU build (0.32).
"""

from __future__ import annotations

from typing import Any

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
RESPONSES, MESSAGES = "/v1/responses", "/v1/messages"

Fields = dict[str, Any]

SCHEMA: Fields = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Rome", "Oslo"]}},
    "required": ["city"],
    "additionalProperties": False,
}
FUNCTION: Fields = {"name": "find", "description": "Finds a city.", "parameters": SCHEMA}
TOOL: Fields = {"type": "function", "function": FUNCTION}
FLAT_TOOL: Fields = {"type": "function", **FUNCTION}
CLAUDE_TOOL: Fields = {"name": "find", "description": "Finds a city.", "input_schema": SCHEMA}
NAMED = {"type": "function", "function": {"name": "find"}}
ARGUMENTS = '{"city": "Rome"}'
USAGE = {"stream_options": {"include_usage": True}}
RUNNING = {"stream_options": {"include_usage": True, "continuous_usage_stats": True}}


def user(text: str = "Name a colour.") -> Fields:
    """A user's message."""
    return {"role": "user", "content": text}


CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": ARGUMENTS}}
CALLED = [user(), {"role": "assistant", "content": None, "tool_calls": [CALL]}]
TWO_CALLS = [user(), {"role": "assistant", "content": "Well.", "tool_calls": [CALL, {**CALL, "id": "c2"}]}]
RESULTS = [{"role": "tool", "tool_call_id": name, "content": "Sunny."} for name in ("c1", "c2")]
CHATS: dict[str, Fields] = {
    "plain": {},
    "system": {
        "messages": [
            {"role": "system", "content": "Be brief."},
            user(),
            {"role": "assistant", "content": "Red."},
            user("Another?"),
        ]
    },
    "unicode": {"messages": [user("Écris « été » en 日本語 😀\n\t\u0000.")]},
    "parts": {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Name"}, {"type": "text", "text": "a city."}]}
        ]
    },
    "no content": {"messages": [user(), {"role": "assistant"}, user()]},
    "null content": {"messages": [user(), {"role": "assistant", "content": None, "tool_calls": []}, user()]},
    "n": {"n": 2, "temperature": 0.01},
    "stop": {"stop": ["a", "e"], "include_stop_str_in_output": True},
    "seed": {"seed": 7, "top_p": 0.8, "top_k": 20, "min_p": 0.01},
    "logprobs": {"logprobs": True, "top_logprobs": 2},
    "schema": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
        "max_tokens": 20,
    },
    "json": {"response_format": {"type": "json_object"}},
    "choice": {"structured_outputs": {"choice": ["red", "blue"]}},
    "tools": {"tools": [TOOL]},
    "tools none": {"tools": [TOOL], "tool_choice": "none"},
    "tools required": {"tools": [TOOL], "tool_choice": "required", "max_tokens": 40},
    "tools named": {"tools": [TOOL], "tool_choice": NAMED, "max_tokens": 20},
    "tools parallel": {
        "tools": [TOOL, {"type": "function", "function": {**FUNCTION, "name": "g"}}],
        "parallel_tool_calls": True,
    },
    "tool result": {"messages": [*CALLED, RESULTS[0]], "tools": [TOOL]},
    "tool results": {"messages": [*TWO_CALLS, *RESULTS, user("So?")], "tools": [TOOL], "parallel_tool_calls": False},
    "usage": {**USAGE},
    "running usage": {**RUNNING},
    "penalties": {
        "presence_penalty": 0.5,
        "frequency_penalty": 0.5,
        "repetition_penalty": 1.1,
        "logit_bias": {"10": -50},
    },
    "lengths": {"min_tokens": 3, "ignore_eos": True, "max_completion_tokens": 3},
    "ids": {"return_token_ids": True},
    "prompt logprobs": {"prompt_logprobs": 1},
    "echo": {"echo": True, "add_generation_prompt": False},
    "prefill": {
        "messages": [user(), {"role": "assistant", "content": "The"}],
        "continue_final_message": True,
        "add_generation_prompt": False,
    },
    "reasoning": {
        "reasoning_effort": "low",
        "include_reasoning": False,
        "messages": [user(), {"role": "assistant", "content": "Red.", "reasoning": "Hm."}, user()],
    },
    "extras": {
        "user": "me",
        "metadata": {"a": "b"},
        "store": False,
        "service_tier": "auto",
        "future_field": [1, {"x": None}],
    },
}
PROMPTS: dict[str, Fields] = {
    "plain": {},
    "default length": {"max_tokens": None, "stop": ["."]},
    "several": {"prompt": ["One two", "Un deux trois"]},
    "ids": {"prompt": [504, 1123, 260]},
    "several ids": {"prompt": [[504, 1123], [260, 504, 1123]]},
    "echo": {"echo": True, "logprobs": 1},
    "logprobs": {"logprobs": 2, "return_tokens_as_token_ids": True},
    "n": {"n": 2, "temperature": 0.01},
    "stop": {"stop": "e", "stop_token_ids": [28]},
    "usage": {**USAGE},
    "running usage": {**RUNNING},
    "schema": {"structured_outputs": {"json": SCHEMA}, "max_tokens": 20},
    "no special tokens": {"add_special_tokens": False, "skip_special_tokens": False},
    "truncated": {"truncate_prompt_tokens": 3},
}
ITEMS: list[Fields] = [
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
    {"type": "function_call", "call_id": "c1", "name": "find", "arguments": ARGUMENTS},
    {"type": "function_call_output", "call_id": "c1", "output": "Sunny."},
]
RESPONSE_FORMS: dict[str, Fields] = {
    "plain": {},
    "instructions": {"instructions": "Be brief.", "temperature": 0, "user": "me", "metadata": {"a": "b"}},
    "items": {
        "input": [
            {"role": "developer", "content": "Be brief."},
            user(),
            {"role": "assistant", "content": "Red."},
            user("More?"),
        ]
    },
    "parts": {
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Name"}, {"type": "input_text", "text": "it."}]}
        ]
    },
    "tool output": {"input": ITEMS, "tools": [FLAT_TOOL]},
    "tools": {"tools": [FLAT_TOOL], "parallel_tool_calls": True},
    "tools required": {"tools": [FLAT_TOOL], "tool_choice": "required", "max_output_tokens": 40},
    "schema": {"text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}}, "max_output_tokens": 20},
    "logprobs": {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
    "seed": {"seed": 7, "top_p": 0.8, "store": False},
    "reasoning": {"reasoning": {"effort": "low"}, "include_reasoning": False},
    "truncation": {"truncation": "auto"},
}
BLOCKS = [
    user("Weather?"),
    {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "Let me see."},
            {"type": "tool_use", "id": "c1", "name": "find", "input": {"city": "Rome"}},
        ],
    },
    {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "Sunny."}, {"type": "text", "text": "So?"}],
    },
]
MESSAGE_FORMS: dict[str, Fields] = {
    "plain": {},
    "system": {"system": "Be brief.", "temperature": 0.0, "top_k": 3, "metadata": {"user_id": "me"}},
    "system blocks": {
        "system": [
            {"type": "text", "text": "Be", "cache_control": {"type": "ephemeral"}},
            {"type": "text", "text": " brief."},
        ]
    },
    "blocks": {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Name"}, {"type": "text", "text": "it."}]}]
    },
    "tool result": {"messages": BLOCKS, "tools": [CLAUDE_TOOL]},
    "tools": {"tools": [CLAUDE_TOOL], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
    "tools any": {"tools": [CLAUDE_TOOL], "tool_choice": {"type": "any"}, "max_tokens": 40},
    "tools named": {"tools": [CLAUDE_TOOL], "tool_choice": {"type": "tool", "name": "find"}, "max_tokens": 20},
    "stop": {"stop_sequences": ["a", "e"]},
    "schema": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}, "max_tokens": 20},
    "thinking": {
        "thinking": {"type": "adaptive"},
        "messages": [
            user(),
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": "s"},
                    {"type": "text", "text": "Red."},
                ],
            },
            user(),
        ],
    },
}
FEATURES: dict[str, dict[str, Fields]] = {
    CHAT: CHATS,
    COMPLETIONS: PROMPTS,
    RESPONSES: RESPONSE_FORMS,
    MESSAGES: MESSAGE_FORMS,
}


def base(path: str, model: str) -> Fields:
    """The least that each route is asked."""
    if path == COMPLETIONS:
        return {"model": model, "prompt": "One two three", "max_tokens": 4, "temperature": 0}
    if path == RESPONSES:
        return {"model": model, "input": "Name a colour.", "max_output_tokens": 4, "temperature": 0}
    return {"model": model, "messages": [user()], "max_tokens": 4, "temperature": 0}
