"""The gateway under measurement: its model, its engine's own count of tokens, and prompts made for it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from semtoken.benchmark import cut
from semtoken.benchmark.texts import QUESTION
from semtoken.errors import EngineError, InvalidInputError

_TIMEOUT_S = 1_800.0


@dataclass(frozen=True, slots=True)
class Target:
    """A gateway that is ready, and the text that its prompts are cut from."""

    client: httpx.Client
    model: str
    text: str = field(repr=False)

    def count(self, messages: list[dict[str, str]]) -> int:
        """Tokens of a chat with its template, by the engine itself; raises ``EngineError``."""
        response = self.client.post("/tokenize", json={"model": self.model, "messages": messages})
        if not response.is_success:
            raise EngineError(f"/tokenize answered {response.status_code}: {response.text:.200}")
        return int(response.json()["count"])

    def fresh_chat(self, tokens: int, rng: np.random.Generator) -> list[dict[str, str]]:
        """A question about a document, ``tokens`` tokens in all (within 0.2 %).

        Its first message is never the same, so that no prefix cache helps. Raises ``InvalidInputError``
        where the text is too short.
        """
        system = {"role": "system", "content": f"You answer from the document. Request {uuid.uuid4().hex}."}

        def chat(document: str) -> list[dict[str, str]]:
            return [system, {"role": "user", "content": f"{document}\n\nQuestion: {QUESTION}"}]

        start = self.text_start(tokens, rng)
        return chat(cut(self.text, start, tokens, lambda piece: self.count(chat(piece))))

    def text_start(self, tokens: int, rng: np.random.Generator) -> int:
        """Where in the text a stretch of ``tokens`` tokens may begin: at a line, and so that it fits."""
        # No text that anybody benchmarks with has more than eight characters a token; most have four.
        room = max(1, len(self.text) - tokens * 6)
        start = self.text.find("\n", int(rng.integers(0, room))) + 1
        return min(start, room)

    def body(self, messages: list[dict[str, str]], output_tokens: int, **options: Any) -> dict[str, Any]:
        """A request for exactly ``output_tokens`` tokens, with SemToken's ``options``."""
        return {
            "model": self.model,
            "messages": messages,
            "max_tokens": output_tokens,
            "min_tokens": output_tokens,
            "ignore_eos": True,
            "temperature": 0,
            "semtoken": options,
        }


@contextmanager
def connected(url: str, text: str) -> Iterator[Target]:
    """The gateway at ``url``; raises ``EngineError`` where there is none and ``InvalidInputError`` where it
    serves no model."""
    with httpx.Client(base_url=url.rstrip("/"), timeout=_TIMEOUT_S, trust_env=False) as client:
        try:
            models = client.get("/v1/models").raise_for_status().json()["data"]
        except (httpx.HTTPError, KeyError, ValueError) as error:
            raise EngineError(f"no gateway answers at {url}: {error}") from error
        if not models:
            raise InvalidInputError(f"the gateway at {url} serves no model")
        yield Target(client, models[0]["id"], text)
