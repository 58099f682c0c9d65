"""Request bodies: read with a limit, parsed strictly, searched for fields that may not pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.requests import Request

from semtoken_server.access.hold import LIST_BYTES, OBJECT_BYTES, VALUE_BYTES, account_parsed, require_parsable
from semtoken_server.errors import BadRequestError, BodyTooLargeError, ClientDisconnectedError

MAX_DEPTH = 128
"""Levels of nesting. orjson reads 1024 but writes only 254, and what is read here is written again,
as a part of something else at that; engines, which parse recursively, give up early too."""

FORBIDDEN = frozenset({"prompt_embeds", "kv_transfer_params", "ec_transfer_params"})
"""Tensors and hand-overs of caches, the encoder's too, are for trusted callers of the engine only: a crafted one can
crash it (CVE-2025-62164) or point it at foreign memory."""

_CONTAINERS = (dict, list)


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A request body as it came and as it reads."""

    raw: bytes = field(repr=False)
    data: dict[str, Any] = field(repr=False)


async def read_body(request: Request, limit: int) -> bytes:
    """The body's bytes; refused before it is read when it says that it is too large, else as soon as it is.

    Raises ``BodyTooLargeError``, ``BadRequestError`` for a bad ``content-length`` and
    ``ClientDisconnectedError``.
    """
    announced = request.headers.get("content-length")
    if announced is not None:
        if not (announced.isascii() and announced.isdigit()):
            raise BadRequestError(f"content-length is not a number: {announced!r:.80}")
        # The length of the digits first: converting thousands of them would be slow.
        if len(announced) > 18 or int(announced) > limit:
            raise BodyTooLargeError(limit)
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnectedError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLargeError(limit)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


async def read_json(request: Request, limit: int) -> JsonBody:
    """The body as a JSON object that holds nothing forbidden.

    Strict JSON in UTF-8: no NaN, no lone surrogates, no binary.

    Raises what :func:`read_body` raises, ``BadRequestError``, ``BodyTooComplexError`` and ``MemoryFullError``.
    """
    raw = await read_body(request, limit)
    require_parsable(request.scope, raw)
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(f"the body is not valid JSON: {error}", code="invalid_json") from error
    if not isinstance(data, dict):
        raise BadRequestError(f"the body must be a JSON object, not {_json_name(data)}", code="invalid_json")
    account_parsed(request.scope, reject_forbidden(data))
    return JsonBody(raw, data)


def reject_forbidden(data: dict[str, Any]) -> int:
    """Refuse forbidden fields at any depth, content parts that carry embeddings, and endless nesting.

    Returns about how many bytes of memory the containers and values take, long texts left out.

    Level by level and without recursion, so that no input can exhaust the stack.

    Raises ``BadRequestError`` naming the field.
    """
    level: list[Any] = [data]
    held = 0
    for _ in range(MAX_DEPTH):
        following: list[Any] = []
        for node in level:
            held += len(node) * VALUE_BYTES
            if isinstance(node, dict):
                held += OBJECT_BYTES
                _reject_keys(node)
                following += [value for value in node.values() if isinstance(value, _CONTAINERS)]
            else:
                held += LIST_BYTES
                following += [value for value in node if isinstance(value, _CONTAINERS)]
        if not following:
            return held
        level = following
    raise BadRequestError(f"the body is nested deeper than {MAX_DEPTH} levels", code="invalid_json")


def _reject_keys(node: dict[str, Any]) -> None:
    if FORBIDDEN.isdisjoint(node) and node.get("type") != "prompt_embeds":
        return
    found = min(FORBIDDEN & node.keys(), default="prompt_embeds")
    raise BadRequestError(f"{found!r} is not accepted from clients", param=found, code="forbidden_field")


def _json_name(value: Any) -> str:
    names = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
