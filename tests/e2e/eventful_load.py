"""Load in which everything happens that dashboards and alerts are about and that can be made to happen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from random import Random
from typing import Any

import httpx
from e2e.real_gateway import RealGateway
from semtoken.evaluation.bundled import bundled_demo, bundled_texts

DEMO = bundled_demo()
DOCUMENT = DEMO.document[:6000]
CHAT = "/v1/chat/completions"
FLOOD = 120
"""Compressions at once: more than run (4) and wait (64) at the defaults."""


class EventfulLoad:
    """Sends one kind of request after another to a gateway with its defaults."""

    def __init__(self, gateway: RealGateway, client: httpx.Client) -> None:
        self._gateway = gateway
        self._client = client
        self._flooded = 0

    def everything(self) -> Sequence[Callable[[], None]]:
        """All of it; each is to run more than once, with reads in between, since a rate needs a change."""
        return (self.streamed, self.completed, self.bounded, self.mistaken, self.oversized, self.gone, self.overrun)

    def streamed(self) -> None:
        """Streamed chats about one document: compressed, with windows that the cache has the second time."""
        for question in (DEMO.question, "Who paid for it?"):
            self._answer(CHAT, self._chat(f"{DOCUMENT}\n\nQuestion: {question}", stream=True, max_tokens=8), 200)

    def completed(self) -> None:
        """A completion, a chat that is too short to compress, and one with compression off."""
        asked = {"model": self._gateway.model, "prompt": f"{DOCUMENT}\n\nQuestion: {DEMO.question}", "max_tokens": 2}
        self._answer("/v1/completions", asked, 200)
        self._answer(CHAT, self._chat("Name a colour.", stream=True, max_tokens=4), 200)
        self._answer(CHAT, self._chat("Name a colour.", semtoken={"mode": "off"}), 200)

    def bounded(self) -> None:
        """A chat of two turns with a bound on the whole prompt, which breaks its prefix."""
        turns = [
            {"role": "user", "content": f"{DOCUMENT}\n\nQuestion: {DEMO.question}"},
            {"role": "assistant", "content": "I do not know."},
            {"role": "user", "content": "Look again, please."},
        ]
        asked = {**self._chat(""), "messages": turns, "semtoken": {"target_tokens": 500}}
        self._answer(CHAT, asked, 200)

    def mistaken(self) -> None:
        """The engine refuses a bad value, and the gateway a route that is none."""
        self._answer(CHAT, self._chat("Name a colour.", temperature=-1), 400)
        self._answer("/v1/nothing", {}, 404)

    def oversized(self) -> None:
        """A body over the limit, which is refused by its length."""
        with suppress(httpx.TransportError):  # The gateway does not read it to its end.
            answer = self._client.post(CHAT, content=b" " * (32 * 2**20 + 1))
            assert answer.status_code == 413

    def gone(self) -> None:
        """A client that goes away in the middle of its stream."""
        asked = self._chat("Tell a long story.", stream=True, max_tokens=400)
        with self._client.stream("POST", CHAT, json=asked) as answer:
            next(answer.iter_bytes())

    def overrun(self) -> None:
        """More compressions than may wait: a chat goes on uncompressed, and one that forbids that is refused."""
        words = bundled_texts()[0].split(" ")
        with ThreadPoolExecutor(FLOOD) as flood, httpx.Client(base_url=self._gateway.url, trust_env=False) as client:

            def compress(number: int) -> None:
                # Each another text, of which no window has been encoded before.
                text = " ".join(Random(number).sample(words, len(words)))
                with suppress(httpx.HTTPError):  # It is given up as soon as the queue was full.
                    answer = client.post("/v1/compress", json={"text": text}, timeout=30.0)
                    assert answer.status_code in (200, 503), answer.text

            floods = [flood.submit(compress, number) for number in range(self._flooded, self._flooded + FLOOD)]
            self._flooded += FLOOD
            question = f"{DOCUMENT[:4000]}\n\nQuestion: {DEMO.question}"
            seen: set[str] = set()
            told: list[tuple[object, ...]] = []
            while not all(future.done() for future in floods) and len(seen) < 2:
                for policy in ("closed", "open"):
                    asked = self._chat(question, max_tokens=1, semtoken={"on_failure": policy})
                    with suppress(httpx.ReadTimeout):  # Not full yet: it waits with the others.
                        answer = self._client.post(CHAT, json=asked, timeout=8.0)
                        failed = {"closed": answer.status_code == 503}
                        failed["open"] = answer.headers.get("x-semtoken-status") == "failed-open"
                        told.append((policy, answer.status_code, answer.headers.get("x-semtoken-reason")))
                        seen |= {policy} if failed[policy] else set()
            for future in floods:
                future.result()
            assert len(seen) == 2, f"the queue was never full: {told}"

    def _chat(self, content: str, **more: Any) -> dict[str, Any]:
        messages = [{"role": "user", "content": content}]
        return {"model": self._gateway.model, "messages": messages, "max_tokens": 2, "temperature": 0, **more}

    def _answer(self, path: str, asked: dict[str, Any], status: int) -> None:
        answer = self._client.post(path, json=asked)
        assert answer.status_code == status, answer.text
