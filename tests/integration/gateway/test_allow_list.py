"""No route of the engine's beyond the allow-list is reached, by its own name or by a trick."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fakes.serving import Served

CHAT = "/v1/chat/completions"
ALLOWED = {
    *("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages", "/v1/messages/count_tokens"),
    *("/v1/models", "/v1/embeddings", "/tokenize", "/detokenize", "/metrics", "/openapi.json", "/health"),
}
"""What the gateway serves itself or passes; of everything else the answer is 404."""
_ADDS_ROUTE = frozenset({"get", "post", "put", "patch", "delete", "api_route", "add_api_route", "websocket", "mount"})
MODULES = find_spec("vllm")


def engine_routes() -> set[str]:
    """Every path that the installed engine's source names in a route."""
    if MODULES is None or MODULES.origin is None:
        return set()
    return {path for file in (Path(MODULES.origin).parent / "entrypoints").rglob("*.py") for path in _routes(file)}


def _routes(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _ADDS_ROUTE:
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value.startswith("/"):
                yield first.value


@pytest.mark.skipif(MODULES is None, reason="no engine is installed whose routes could be read")
async def test_of_the_engine_s_routes_only_the_allow_list_is_there(served: Served) -> None:
    routes = engine_routes()
    assert len(routes) > 40
    assert {"/sleep", "/collective_rpc", "/v1/load_lora_adapter", "/start_profile", CHAT} <= routes
    for path in sorted(routes - ALLOWED):
        for method in ("GET", "POST"):
            status = await raw(served, f"{method} {path.replace('{', '').replace('}', '')}")
            assert status == 404, (method, path)
    assert served.engine.received == served.engine.passed == []


TRICKS = (
    "POST //sleep", "POST /sleep/", "POST /SLEEP", "POST /%73leep", "POST /./sleep", "POST /v1/../sleep",
    "POST /v1/%2e%2e/sleep", "POST /v1/..%2fsleep", "POST /tokenize/../sleep", "POST /tokenize/%2e%2e/sleep",
    "POST /tokenize%2f..%2fsleep", "POST /sleep?x=/tokenize", "POST /sleep#/tokenize", "POST /sleep;/tokenize",
    "POST /tokenize;/../sleep", "POST \\sleep", "POST /\\sleep", "POST /v1\\..\\sleep", "POST /sleep%00/tokenize",
    "POST /sleep%20", "POST /sleep%0d%0aX:%20y", "POST http://engine/sleep", "POST http://127.0.0.1/sleep",
    "POST https://x@y/sleep", "POST //engine/sleep", "GET /v1/models/../../sleep", "GET /v1/models/%2e%2e/%2e%2e/sleep",
    "HEAD /sleep", "OPTIONS /sleep", "PUT /sleep", "PATCH /sleep", "DELETE /sleep", "TRACE /sleep", "CONNECT /sleep:80",
    "post /sleep", "SLEEP /sleep", "POST *", "OPTIONS *", "POST /V1/chat/completions", "POST /v1/Chat/completions",
    "POST //v1/chat/completions", "POST /v1//chat/completions", "POST /v1/chat/completions/",
    "GET /v1/chat/completions", "HEAD /v1/chat/completions", "PUT /v1/chat/completions", "OPTIONS /v1/chat/completions",
)  # fmt: skip


async def raw(served: Served, head: str, body: bytes = b"{}", headers: str | None = None) -> int:
    """The status of a request written by hand; 0 where the server hangs up without one."""
    address = urlsplit(served.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    lines = headers if headers is not None else f"content-length: {len(body)}\r\ncontent-type: application/json\r\n"
    writer.write(f"{head} HTTP/1.1\r\nhost: gateway\r\n{lines}connection: close\r\n\r\n".encode() + body)
    status = await asyncio.wait_for(reader.readline(), timeout=60)
    writer.close()
    await writer.wait_closed()
    return int(status.split()[1]) if status else 0


@pytest.mark.parametrize("head", TRICKS)
async def test_no_spelling_of_a_path_or_method_gets_through(served: Served, head: str) -> None:
    status = await raw(served, head)
    assert status == 0 or 400 <= status < 500, status
    assert served.engine.received == served.engine.passed == []


@pytest.mark.parametrize("name", ["x-http-method-override", "x-http-method", "x-original-url", "x-rewrite-url"])
async def test_no_header_changes_method_or_path(served: Served, name: str) -> None:
    for value in ("POST", "/sleep"):
        response = await served.client.get(CHAT, headers={name: value})
        assert response.status_code == 405
        response = await served.post("/sleep", {}, headers={name: "/tokenize"})
        assert response.status_code == 404
    assert served.engine.received == served.engine.passed == []


@pytest.mark.parametrize(
    "lengths",
    [
        "content-length: 2\r\ncontent-length: 60\r\n",
        "content-length: 2\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        "content-length: +2\r\n",
        "content-length: -2\r\n",
        "content-length: 2, 60\r\n",
        "content-length: 0x2\r\n",
    ],
)
async def test_a_body_of_two_lengths_hides_no_second_request(served: Served, lengths: str) -> None:
    hidden = b"POST /tokenize HTTP/1.1\r\nhost: gateway\r\ncontent-length: 2\r\n\r\n{}"
    status = await raw(served, "POST /v1/embeddings", b"{}" + hidden, lengths)
    assert status == 0 or 400 <= status < 500, status
    assert all(passed.path != "/tokenize" for passed in served.engine.passed)
    assert all(b"HTTP" not in passed.body for passed in served.engine.passed)
