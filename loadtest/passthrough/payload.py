"""The requests that are sent, and what answers to them must look like."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from loadtest.passthrough.engine import EVENTS, MODEL

_SENTENCE = "The mill stands by the river, was built in 1821 by Anna Weber, and has been empty ever since. "


@dataclass(frozen=True, slots=True)
class Payload:
    """One chat, always the same."""

    prompt_bytes: int
    streamed: bool

    @property
    def body(self) -> bytes:
        """The request's body, with a user message of ``prompt_bytes``."""
        text = (_SENTENCE * (self.prompt_bytes // len(_SENTENCE) + 1))[: self.prompt_bytes]
        messages = [{"role": "system", "content": "Answer briefly."}, {"role": "user", "content": text}]
        return orjson.dumps({"model": MODEL, "messages": messages, "stream": self.streamed, "max_tokens": 16})

    def is_whole(self, status: int, answer: bytes) -> bool:
        """Whether an answer has all that the engine sends."""
        if status != 200:
            return False
        if self.streamed:
            return answer.count(b"data:") >= EVENTS and b"[DONE]" in answer[-32:]
        return b'"choices"' in answer and answer.rstrip().endswith(b"}")
