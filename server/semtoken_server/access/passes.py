"""What clients can say to the engine past the gateway, if their key lets them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from semtoken_server.errors import BadRequestError

Pass = Literal["cache_salt", "priority", "x-data-parallel-rank", "x-session-id", "x-vllm-priority"]

FIELDS: tuple[Pass, ...] = ("cache_salt", "priority")
"""Of a body: the one opens a prefix cache of its own, the other overtakes everybody else."""
HEADERS: tuple[Pass, ...] = ("x-data-parallel-rank", "x-session-id", "x-vllm-priority")
"""vLLM's routing headers, which choose a rank and overtake as well."""

_RAW_HEADERS = {name.encode(): name for name in HEADERS}


def require_passable(data: Mapping[str, Any], allowed: frozenset[Pass]) -> None:
    """Raises ``BadRequestError`` naming the first field that this client may not set; null sets nothing."""
    for name in FIELDS:
        if data.get(name) is not None and name not in allowed:
            raise BadRequestError(
                f"{name!r} is accepted only from keys that allow it", param=name, code="forbidden_field"
            )


def passed_headers(raw: Iterable[tuple[bytes, bytes]], allowed: frozenset[Pass]) -> dict[str, str]:
    """The routing headers among ``raw`` that this client may set; what it may not is left out, as all others are."""
    if allowed.isdisjoint(HEADERS):
        return {}
    return {
        known: value.decode("latin-1")
        for name, value in raw
        if (known := _RAW_HEADERS.get(name)) is not None and known in allowed
    }
