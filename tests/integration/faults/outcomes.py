"""What a client sees of a request when engines fail."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Iterable
from itertools import count
from typing import Any, Literal

import httpx

logger = logging.getLogger(__name__)

_NUMBERS = count()

CHAT = "/v1/chat/completions"
Outcome = Literal["answered", "error", "error event", "broken"]
"""A whole answer; an OpenAI error in place of one; a stream that ends in an error event; anything else."""


def asked(*, stream: bool, words: int = 5, **more: Any) -> dict[str, Any]:
    """The body of a chat that begins like no other, so that chats are dealt to all engines."""
    message = {"role": "user", "content": f"Hello {next(_NUMBERS)}"}
    return {"model": "fake-model", "messages": [message], "stream": stream, "max_tokens": words, **more}


async def outcome(client: httpx.AsyncClient, *, stream: bool, words: int = 5) -> Outcome:
    """Send one chat and judge what comes."""
    try:
        response = await client.post(CHAT, json=asked(stream=stream, words=words))
    except httpx.HTTPError as error:
        logger.warning("no complete answer: %r", error)
        # Includes a stream or a body that breaks off, and an answer that does not come within the client's time.
        return "broken"
    told = judged(response, stream=stream, words=words)
    if told == "broken":
        logger.warning("a broken answer: %s %.500r", response.status_code, response.text)
    return told


def judged(response: httpx.Response, *, stream: bool, words: int) -> Outcome:
    """What a complete HTTP answer is."""
    try:
        if response.status_code != 200:
            return "error" if _well_formed(response.json()) else "broken"
        if not stream:
            return "answered" if _said(response.json()["choices"][0]["message"], words) else "broken"
        return _stream(response.text, words)
    except (ValueError, KeyError, TypeError, IndexError):
        return "broken"


def _stream(text: str, words: int) -> Outcome:
    events = [event.removeprefix("data: ") for event in text.split("\n\n") if event]
    if events[-1] == "[DONE]":
        said = "".join(json.loads(event)["choices"][0]["delta"]["content"] for event in events[:-1])
        return "answered" if _said({"content": said}, words) else "broken"
    return "error event" if _well_formed(json.loads(events[-1])) else "broken"


def _said(message: dict[str, Any], words: int) -> bool:
    return [int(word.strip("x")) for word in message["content"].split()] == list(range(words))


def _well_formed(body: Any) -> bool:
    error = body["error"]
    return error.keys() == {"message", "type", "param", "code"} and isinstance(error["message"], str)


async def outcomes(client: httpx.AsyncClient, count: int, *, stream: bool, words: int = 5) -> Counter[Outcome]:
    """Of so many chats at once."""
    return Counter(await asyncio.gather(*(outcome(client, stream=stream, words=words) for _ in range(count))))


class Load:
    """Chats without a pause from several clients, streamed and not in turn, until told to end."""

    def __init__(self, client: httpx.AsyncClient, clients: int, words: int) -> None:
        self._ended = False
        self._tasks = [asyncio.create_task(self._ask(client, n % 2 == 0, words)) for n in range(clients)]
        self.seen: dict[bool, Counter[Outcome]] = {True: Counter(), False: Counter()}

    async def _ask(self, client: httpx.AsyncClient, stream: bool, words: int) -> None:
        while not self._ended:
            self.seen[stream][await outcome(client, stream=stream, words=words)] += 1

    async def end(self) -> None:
        """Let what is under way come to its end."""
        self._ended = True
        await asyncio.gather(*self._tasks)


def only(seen: Counter[Outcome], *allowed: Outcome) -> bool:
    """Whether nothing else was seen than what is allowed."""
    return not seen.keys() - set(allowed)


def total(seen: Iterable[Counter[Outcome]]) -> int:
    """How many there were."""
    return sum(sum(counter.values()) for counter in seen)
