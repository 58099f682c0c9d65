"""The models that a key may use, out of all."""

from __future__ import annotations

from typing import Any

import orjson

from semtoken_server.access.keys import ApiKey
from semtoken_server.errors import EngineConnectionError


def allowed_models(listed: bytes, key: ApiKey) -> bytes:
    """``listed``, the body of ``/v1/models``, without what ``key`` may not use.

    Raises ``EngineConnectionError`` for anything else.
    """
    try:
        answer: Any = orjson.loads(listed)
        cards = [card for card in answer["data"] if key.may_use(card["id"])]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise EngineConnectionError("the engine's /v1/models answered without models") from error
    return orjson.dumps({**answer, "data": cards})
