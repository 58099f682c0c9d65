"""``/openapi.json``: what the gateway takes and answers, for clients and for tests."""

from __future__ import annotations

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from semtoken_server import __version__
from semtoken_server.openapi import document

router = APIRouter()


@router.get("/openapi.json")
async def openapi() -> Response:
    """The OpenAPI document."""
    return Response(orjson.dumps(document(__version__)), media_type="application/json")
