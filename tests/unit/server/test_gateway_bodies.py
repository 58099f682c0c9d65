"""Reading bodies: limits, strictness, and fields that may not pass."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from semtoken_server.bodies import MAX_DEPTH, read_json, reject_forbidden
from semtoken_server.errors import BadRequestError, BodyTooLargeError, ClientDisconnectedError
from starlette.requests import Request
from starlette.types import Message


class Sending:
    """A client that sends chunks, and counts how many were taken from it."""

    def __init__(self, *chunks: bytes, length: str | None = None, leaves: bool = False) -> None:
        self.taken = 0
        self._messages = self._all(chunks, leaves)
        headers = [] if length is None else [(b"content-length", length.encode())]
        self.request = Request({"type": "http", "headers": headers}, self._receive)

    @staticmethod
    def _all(chunks: tuple[bytes, ...], leaves: bool) -> Iterator[Message]:
        for chunk in chunks:
            yield {"type": "http.request", "body": chunk, "more_body": True}
        yield {"type": "http.disconnect"} if leaves else {"type": "http.request"}

    async def _receive(self) -> Message:
        self.taken += 1
        return next(self._messages)


async def test_a_body_comes_together_from_its_chunks() -> None:
    body = await read_json(Sending(b'{"a"', b": [1]}").request, 100)
    assert (body.raw, body.data) == (b'{"a": [1]}', {"a": [1]})


@pytest.mark.parametrize("length", ["101", "9" * 5000])
async def test_a_body_announced_too_large_is_never_taken(length: str) -> None:
    sending = Sending(b"{}", length=length)
    with pytest.raises(BodyTooLargeError):
        await read_json(sending.request, 100)
    assert sending.taken == 0


async def test_a_body_that_grows_too_large_is_taken_no_further() -> None:
    sending = Sending(*[b" " * 40] * 50)
    with pytest.raises(BodyTooLargeError, match="100 bytes"):
        await read_json(sending.request, 100)
    assert sending.taken == 3


@pytest.mark.parametrize("length", ["-1", "1e3", "٣", ""])
async def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    scope = {"type": "http", "headers": [(b"content-length", length.encode())]}
    with pytest.raises(BadRequestError, match="content-length"):
        await read_json(Request(scope), 100)


async def test_a_client_that_leaves_halfway_is_noticed() -> None:
    with pytest.raises(ClientDisconnectedError):
        await read_json(Sending(b"{", leaves=True).request, 100)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"1", b"null", b'{"a":NaN}', b'{"a":"\\ud800"}', b'{"a":"\xff"}', b"\xef\xbb\xbf{}"]
)
async def test_what_is_no_strict_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequestError) as raised:
        await read_json(Sending(raw).request, 100)
    assert raised.value.code == "invalid_json"


@pytest.mark.parametrize("name", ["prompt_embeds", "kv_transfer_params", "ec_transfer_params"])
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"a": [[x]]}, lambda x: {"a": {"b": [1, {"c": x}]}}])
def test_forbidden_fields_are_found_at_any_depth(name: str, wrap: Any) -> None:
    with pytest.raises(BadRequestError) as raised:
        reject_forbidden(wrap({name: None}))
    assert raised.value.param == name


def test_embedding_parts_are_found_and_names_in_texts_are_not() -> None:
    with pytest.raises(BadRequestError):
        reject_forbidden({"messages": [{"content": [{"type": "prompt_embeds", "data": ""}]}]})
    reject_forbidden({"messages": [{"content": "prompt_embeds", "name": "kv_transfer_params"}]})


def nested(depth: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(depth - 1):
        value = [value]
    return {"a": value}


def test_nesting_has_an_end() -> None:
    reject_forbidden(nested(MAX_DEPTH))
    with pytest.raises(BadRequestError, match="nested"):
        reject_forbidden(nested(MAX_DEPTH + 1))
    # What passes can be parsed by engines, which recurse.
    json.loads(json.dumps(nested(MAX_DEPTH)))
    # And it can be written again inside an answer of the gateway.
    orjson.dumps({"messages": [nested(MAX_DEPTH)]})
