"""A client that goes away takes its work off the engine, as vLLM itself counts what it runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from e2e.real_gateway import RealGateway, eventually

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

RUNNING = "vllm:num_requests_running"
CLIENTS = 4
LONG = {"max_tokens": 6000, "ignore_eos": True, "temperature": 0}
"""Minutes of generation, so that nothing ends by itself."""


def asked(gateway: RealGateway, path: str, *, stream: bool) -> dict[str, Any]:
    prompt = {"prompt": "Once"} if path == "/v1/completions" else {"messages": [{"role": "user", "content": "Count."}]}
    return {"model": gateway.model, **prompt, **LONG, "stream": stream}


def gone_after(gateway: RealGateway) -> float:
    """Seconds until the engine runs nothing any more."""
    left = time.monotonic()
    eventually(lambda: gateway.engine_metric(RUNNING) == 0, "the engine still works for clients that are gone")
    return time.monotonic() - left


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_clients_that_leave_in_the_middle_of_a_stream(gateway: RealGateway, path: str) -> None:
    # A generator that nobody holds ends, and its connection with it.
    reading: list[Iterator[bytes]] = []
    with ExitStack() as streams:
        for _ in range(CLIENTS):
            client = streams.enter_context(httpx.Client(base_url=gateway.url, trust_env=False, timeout=120))
            answer = streams.enter_context(client.stream("POST", path, json=asked(gateway, path, stream=True)))
            assert answer.status_code == 200
            reading.append(answer.iter_bytes())
            next(reading[-1])
        eventually(lambda: gateway.engine_metric(RUNNING) == CLIENTS, "the engine does not run all of them")
    print(f"{path} streamed: {CLIENTS} requests aborted within {gone_after(gateway):.2f} s")  # noqa: T201


def test_a_client_that_leaves_before_its_answer_begins(gateway: RealGateway) -> None:
    body = asked(gateway, "/v1/chat/completions", stream=False)
    with httpx.Client(base_url=gateway.url, trust_env=False) as client, pytest.raises(httpx.ReadTimeout):
        client.post("/v1/chat/completions", json=body, timeout=3.0)
    print(f"in one piece: aborted within {gone_after(gateway):.2f} s")  # noqa: T201
