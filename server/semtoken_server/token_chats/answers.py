"""Answers of vLLM's token routes, read as JSON."""

from __future__ import annotations

from typing import Any

import orjson

from semtoken_server.engines.base import EngineResponse, read_whole
from semtoken_server.errors import EngineError

ROUTE_FAULTS = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)
"""What reading an answer raises that is not of the form of these routes."""


async def json_of(response: EngineResponse) -> dict[str, Any]:
    """The object that an answer is; raises ``EngineError`` for any other answer, and lets go of the connection."""
    answer = await read_whole(response)
    try:
        found = orjson.loads(answer) if response.status == 200 else None
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise EngineError(f"a token route of the engine answered {response.status} without an object of JSON")
    return found
