"""LlamaIndex's OpenAI-like model: ``python llama_index_chat.py URL MODEL`` asks what stands on standard input."""

from __future__ import annotations

import json
import sys
from typing import Any

from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike


def asked(url: str, model: str, prompt: str) -> dict[str, Any]:
    """Chats and completions, whole and streamed."""
    given = {"model": model, "api_base": f"{url}/v1", "api_key": "none", "max_retries": 0}
    options = {"extra_body": {"semtoken": {"ratio": 4}}}
    chat = OpenAILike(**given, is_chat_model=True, additional_kwargs=options)
    completion = OpenAILike(**given, is_chat_model=False, max_tokens=16, additional_kwargs=options)
    message = [ChatMessage(role="user", content=prompt)]
    return {
        "whole": chat.chat(message).message.content,
        "streamed": [answer.delta for answer in chat.stream_chat(message) if answer.delta],
        "completion": completion.complete(prompt).text,
        "completion_streamed": [answer.delta for answer in completion.stream_complete(prompt) if answer.delta],
    }


if __name__ == "__main__":
    print(json.dumps(asked(sys.argv[1], sys.argv[2], sys.stdin.read())))  # noqa: T201
