"""Routes for those who run the gateway: health, on every port, and metrics, on the operations port if there is one."""

from __future__ import annotations

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from semtoken_server.gateway import gateway_of

health = APIRouter()
router = APIRouter()


@health.get("/health/live")
async def live() -> Response:
    """Whether the process answers."""
    return Response(b'{"status":"live"}', media_type="application/json")


@health.get("/health/ready")
async def ready(request: Request) -> Response:
    """Whether requests are best sent here now; 503 while the engine is down, the encoder is loading, or it drains."""
    is_ready, body = gateway_of(request).readiness()
    return Response(orjson.dumps(body), 200 if is_ready else 503, media_type="application/json")


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Prometheus or OpenMetrics exposition."""
    body, content_type = gateway_of(request).metrics.render(request.headers.get("accept", ""))
    return Response(body, headers={"content-type": content_type})


router.include_router(health)
