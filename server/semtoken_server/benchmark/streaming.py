"""One streamed answer and what it took, as a client sees it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
from semtoken.errors import EngineError


@dataclass(frozen=True, slots=True)
class Answer:
    """Times in seconds, from the request being sent."""

    text: str = field(repr=False)
    prompt_tokens: int
    """As the engine counted them."""
    output_tokens: int
    status: str
    reason: str
    compress_ms: float
    ttft_s: float
    total_s: float


def ask(client: httpx.Client, body: Mapping[str, Any]) -> Answer:
    """Send a chat request, streamed; raises ``EngineError`` for an answer that is no success."""
    asked = {**body, "stream": True, "stream_options": {"include_usage": True}}
    begun = time.perf_counter()
    first: float | None = None
    text, usage = "", {"prompt_tokens": 0, "completion_tokens": 0}
    with client.stream("POST", "/v1/chat/completions", json=asked) as response:
        if not response.is_success:
            raise EngineError(f"the gateway answered {response.status_code}: {response.read().decode()}")
        for event in _events(response):
            for choice in event.get("choices", []):
                if piece := choice["delta"].get("content"):
                    first = first or time.perf_counter()
                    text += piece
            usage = event.get("usage") or usage
    ended = time.perf_counter()
    told = response.headers
    return Answer(
        text=text.strip(),
        prompt_tokens=usage["prompt_tokens"],
        output_tokens=usage["completion_tokens"],
        status=told["x-semtoken-status"],
        reason=told.get("x-semtoken-reason", ""),
        compress_ms=float(told.get("x-semtoken-compress-ms", 0.0)),
        ttft_s=(first or ended) - begun,
        total_s=ended - begun,
    )


def _events(response: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        if line.startswith("data: {"):
            event = orjson.loads(line.removeprefix("data: "))
            if "error" in event:
                raise EngineError(f"the stream ended in an error: {event['error']}")
            yield event
