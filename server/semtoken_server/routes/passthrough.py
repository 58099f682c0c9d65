"""Routes of the engine that pass as they are."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from semtoken_server.access.access import key_of
from semtoken_server.access.listing import allowed_models
from semtoken_server.answers import engine_request, plain_answer
from semtoken_server.bodies import read_json
from semtoken_server.disconnect import until_disconnect
from semtoken_server.engines.base import EngineRequest
from semtoken_server.errors import EngineConnectionError, ModelUnknownError
from semtoken_server.gateway import gateway_of
from semtoken_server.middleware import request_id, trace_of

router = APIRouter()

_EMBEDDINGS = "/v1/embeddings"


@router.post(_EMBEDDINGS)
@router.post("/v1/messages/count_tokens")
@router.post("/tokenize")
@router.post("/detokenize")
async def passed_through(request: Request) -> Response:
    """Answered by the engine, where it has the route."""
    gateway = gateway_of(request)
    body = await read_json(request, gateway.settings.max_body_bytes)
    gateway.access.require_allowed(request, body.data)
    if request.url.path == _EMBEDDINGS:
        trace_of(request).generating("embeddings", named if isinstance(named := body.data.get("model"), str) else None)
        # The others cost the engine next to nothing.
        await gateway.access.charge(request, body)
    asked = engine_request(request, body.raw, body.data.get("model"))
    return await until_disconnect(request.receive, plain_answer(gateway, asked))


@router.get("/v1/models")
async def models(request: Request) -> Response:
    """The engine's models, as far as the client may use them."""
    answer = await plain_answer(gateway_of(request), _models(request))
    key = key_of(request)
    if key.models is None or answer.status_code != 200:
        return answer
    return Response(allowed_models(bytes(answer.body), key), media_type="application/json")


@router.get("/v1/models/{model:path}")
async def model_by_name(request: Request, model: str) -> Response:
    """One model out of the engine's list, which has no route of its own for it."""
    upstream = await gateway_of(request).engine.send(_models(request))
    body = await upstream.read()
    try:
        listed: Any = orjson.loads(body)["data"]
        cards = {card["id"]: card for card in listed}
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise EngineConnectionError(f"the engine's /v1/models answered {upstream.status} without models") from error
    if model not in cards or not key_of(request).may_use(model):
        raise ModelUnknownError(model)
    return Response(orjson.dumps(cards[model]), media_type="application/json")


def _models(request: Request) -> EngineRequest:
    """The engine's list, for a client that asks with ``request``."""
    return EngineRequest("GET", "/v1/models", headers={"x-request-id": request_id(request)}, trace=trace_of(request))
