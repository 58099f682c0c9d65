"""What clients can say to the engine past the gateway, if their key lets them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from semtoken_server.errors import BadRequestError

Pass = Literal["cache_salt", "priority", "x-data-parallel-rank", "x-session-id", "x-vllm-priority"]

FIELDS: Mapping[str, Pass] = {"cache_salt": "cache_salt", "priority": "priority", "session_id": "x-session-id"}
"""Of a body, with the pass that each needs: the first opens a prefix cache of its own, the second overtakes
everybody else, and vLLM prefers the third to its header; it looks for that in ``vllm_xargs`` too."""
HEADERS: tuple[Pass, ...] = ("x-data-parallel-rank", "x-session-id", "x-vllm-priority")
"""vLLM's routing headers, which choose a rank and overtake as well."""

_RAW_HEADERS = {name.encode(): name for name in HEADERS}


def require_passable(data: Mapping[str, Any], allowed: frozenset[Pass]) -> None:
    """Raises ``BadRequestError`` naming the first field that this client may not set; null sets nothing."""
    named = {name: data.get(name) for name in FIELDS}
    more = data.get("vllm_xargs")
    if named["session_id"] is None and isinstance(more, dict):
        named["session_id"] = more.get("session_id")
    for name, value in named.items():
        if value is not None and FIELDS[name] not in allowed:
            raise BadRequestError(
                f"{name!r} is accepted only from keys that allow {FIELDS[name]!r}", param=name, code="forbidden_field"
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
