"""One streamed request, timed as its client sees it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import httpx
import orjson

from loadtest.prompts.prompt import Prompt
from loadtest.sending.record import Record

KEY = "LOADTEST_API_KEY"
"""Environment variable with the gateway's key, where it wants one."""

TIMEOUT_S = 600.0
_END = "[DONE]"


@dataclass(frozen=True, slots=True)
class Target:
    """How all requests of a run are sent."""

    model: str
    mode: str = ""
    """Of compression: ``auto``, ``force``, ``off``; empty for the gateway's default."""
    run: str = ""
    ignore_eos: bool = True


class StreamFailedError(Exception):
    """The answer is no whole stream; the message is a short kind of error."""


@dataclass(slots=True)
class _Seen:
    arrivals: list[float] = field(default_factory=list)
    usage: dict[str, int] = field(default_factory=dict)
    headers: httpx.Headers = field(default_factory=httpx.Headers)


def client(url: str) -> httpx.Client:
    """Connections to a gateway, as many as there are requests: none waits for another one's."""
    key = os.environ.get(KEY)
    return httpx.Client(
        base_url=url,
        headers={"authorization": f"Bearer {key}"} if key else {},
        timeout=TIMEOUT_S,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
        trust_env=False,
    )


def first_model(client: httpx.Client) -> str:
    """Name of the first model that the gateway lists; raises ``httpx.HTTPError``."""
    return str(client.get("/v1/models").raise_for_status().json()["data"][0]["id"])


def send(client: httpx.Client, target: Target, prompt: Prompt, *, due: float, began: float) -> Record:
    """Send it now and read the answer to its end. ``due`` and ``began`` are times of ``time.perf_counter``.

    Never raises for what a server or the network does: that is the record's ``error``.
    """
    late = time.perf_counter() - due
    seen, error = _Seen(), ""
    try:
        _read(client, target, prompt, seen)
    except StreamFailedError as failed:
        error = str(failed)
    except httpx.HTTPError as failed:
        error = type(failed).__name__
    total = time.perf_counter() - due
    original = seen.headers.get("x-semtoken-original-tokens")
    took = seen.headers.get("x-semtoken-compress-ms")
    return Record(
        scenario=prompt.scenario,
        key=prompt.key,
        due=due - began,
        late=late,
        total=total,
        first=seen.arrivals[0] - due if seen.arrivals else None,
        gaps=[later - earlier for earlier, later in pairwise(seen.arrivals)],
        prompt_tokens=seen.usage.get("prompt_tokens", 0),
        original_tokens=None if original is None else int(original),
        output_tokens=seen.usage.get("completion_tokens", 0),
        status=seen.headers.get("x-semtoken-status", ""),
        compress_ms=None if took is None else float(took),
        error=error,
    )


def _read(client: httpx.Client, target: Target, prompt: Prompt, seen: _Seen) -> None:
    body = prompt.body(target.model, target.run, ignore_eos=target.ignore_eos)
    headers = {"x-semtoken-mode": target.mode} if target.mode else {}
    with client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as response:
        seen.headers = response.headers
        if not response.is_success:
            raise StreamFailedError(f"status {response.status_code}")
        for event in _events(response):
            if "error" in event:
                raise StreamFailedError("error event")
            if any(choice["delta"].get("content") for choice in event.get("choices", [])):
                seen.arrivals.append(time.perf_counter())
            seen.usage = event.get("usage") or seen.usage
    if not seen.arrivals:
        raise StreamFailedError("no text")


def _events(response: httpx.Response) -> Iterator[dict[str, Any]]:
    """The stream's events; raises ``StreamFailedError`` where one is no JSON or the last one lacks.

    It reads on to the end, so that the connection can be used again.
    """
    whole = False
    for line in response.iter_lines():
        data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
        if data == _END:
            whole = True
        elif data:
            try:
                yield orjson.loads(data)
            except orjson.JSONDecodeError as error:
                raise StreamFailedError("malformed event") from error
    if not whole:
        raise StreamFailedError("cut stream")
