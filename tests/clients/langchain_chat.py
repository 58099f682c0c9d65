"""LangChain's ``ChatOpenAI``: ``python langchain_chat.py URL MODEL`` asks what stands on standard input."""

from __future__ import annotations

import json
import sys
from typing import Any

from langchain_openai import ChatOpenAI

FIND = {
    "name": "find",
    "description": "Finds a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def asked(url: str, model: str, prompt: str) -> dict[str, Any]:
    """Everything a chain does with a model: invoke, stream, batch, tools; through both of OpenAI's routes."""
    chat = ChatOpenAI(
        base_url=f"{url}/v1", model=model, api_key="none", max_retries=0, extra_body={"semtoken": {"ratio": 4}}
    )
    whole = chat.invoke(prompt)
    streamed = list(chat.stream(prompt, stream_usage=True))
    tools = chat.bind_tools([FIND]).invoke(prompt)
    responses = ChatOpenAI(base_url=f"{url}/v1", model=model, api_key="none", max_retries=0, use_responses_api=True)
    return {
        "whole": whole.text,
        "usage": whole.usage_metadata["input_tokens"],
        "streamed": [chunk.text for chunk in streamed if chunk.text],
        "streamed_usage": sum(chunk.usage_metadata["input_tokens"] for chunk in streamed if chunk.usage_metadata),
        "batch": [answer.text for answer in chat.batch([prompt, prompt])],
        "tools": tools.text,
        "responses": responses.invoke(prompt).text,
        "responses_streamed": [chunk.text for chunk in responses.stream(prompt) if chunk.text],
    }


if __name__ == "__main__":
    print(json.dumps(asked(sys.argv[1], sys.argv[2], sys.stdin.read())))  # noqa: T201
