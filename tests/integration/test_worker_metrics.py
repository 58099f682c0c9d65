"""Several workers answer /metrics as one gateway: counters are sums, gauges are sums over those that live."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import httpx
import pytest
from integration.test_serve_command import Serve, eventually, serve
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.model
__all__ = ["serve"]

HELD = 12
ASKED = 40


def test_counters_are_sums_and_gauges_are_live_sums(serve: Serve) -> None:
    _, url = serve("--workers", "2")
    # Each comes on a connection of its own, so both workers take some.
    before = value(url, "semtoken_requests_total", route="unmatched", code="404")
    ask_nothing(url, ASKED)
    assert value(url, "semtoken_requests_total", route="unmatched", code="404") == before + ASKED
    assert value(url, "semtoken_request_seconds_count", route="unmatched") == before + ASKED
    with ExitStack() as held:
        for _ in range(HELD):
            held.enter_context(unfinished(url))
        # Whichever worker is asked, it tells of all; its own answer is one of them.
        eventually(lambda: value(url, "semtoken_inflight_requests") == HELD + 1, "not all that are held are told")
        assert {value(url, "semtoken_inflight_requests") for _ in range(10)} == {HELD + 1}
    eventually(lambda: value(url, "semtoken_inflight_requests") == 1, "what has ended is still told")


def ask_nothing(url: str, times: int) -> None:
    def ask(_number: int) -> int:
        return httpx.get(f"{url}/nothing", trust_env=False, timeout=60.0).status_code

    with ThreadPoolExecutor(8) as clients:
        assert set(clients.map(ask, range(times))) == {404}


@contextmanager
def unfinished(url: str) -> Iterator[None]:
    """A request whose body never comes to its end."""
    parts = urlsplit(url)
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=60.0) as connection:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-length: 100\r\n"
        connection.sendall(f"{head}content-type: application/json\r\n\r\n{{".encode())
        yield


def value(url: str, name: str, **labels: str) -> float:
    """A sample as /metrics tells it; 0 where there is none."""
    exposition = httpx.get(f"{url}/metrics", trust_env=False, timeout=60.0).text
    samples = (sample for family in text_string_to_metric_families(exposition) for sample in family.samples)
    return next((sample.value for sample in samples if (sample.name, sample.labels) == (name, labels)), 0.0)
