"""LiteLLM's library: ``python litellm_chat.py URL MODEL`` asks what stands on standard input."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import litellm

FIND = {
    "name": "find",
    "description": "Finds a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


async def asked(url: str, model: str, prompt: str) -> dict[str, Any]:
    """Chats whole, streamed, at once and with tools; completions whole and streamed."""
    base: dict[str, Any] = {"api_base": f"{url}/v1", "api_key": "none", "max_retries": 0}
    base["extra_body"] = {"semtoken": {"ratio": 4}}
    chat = {**base, "model": f"openai/{model}", "messages": [{"role": "user", "content": prompt}]}
    completion = {**base, "model": f"text-completion-openai/{model}", "prompt": prompt, "max_tokens": 16}
    whole = await litellm.acompletion(**chat)
    streamed = await litellm.acompletion(**chat, stream=True)
    batch = await asyncio.gather(litellm.acompletion(**chat), litellm.acompletion(**chat))
    tools = await litellm.acompletion(**chat, tools=[{"type": "function", "function": FIND}])
    written = await litellm.atext_completion(**completion)
    return {
        "whole": whole.choices[0].message.content,
        "usage": whole.usage.prompt_tokens == whole.semtoken["forwarded_tokens"],
        "streamed": [chunk.choices[0].delta.content async for chunk in streamed if chunk.choices[0].delta.content],
        "batch": [answer.choices[0].message.content for answer in batch],
        "tools": tools.choices[0].message.content,
        "completion": written.choices[0].text,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(asked(sys.argv[1], sys.argv[2], sys.stdin.read()))))  # noqa: T201
