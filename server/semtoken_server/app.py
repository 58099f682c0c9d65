"""The application factory: collaborators come in as arguments, nothing lives in the module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from semtoken import SemTokenError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Lifespan

from semtoken_server import __version__
from semtoken_server.access.cors import allow_origins
from semtoken_server.access.middleware import AccessControl
from semtoken_server.compression.backend import CompressorBackend
from semtoken_server.engines.base import Engine
from semtoken_server.errors import GatewayError, answer_for
from semtoken_server.gateway import Gateway, gateway_of
from semtoken_server.logs.requests import log_request
from semtoken_server.metrics import Metrics
from semtoken_server.middleware import RequestContext, trace_of
from semtoken_server.quality.contract import QualityContract
from semtoken_server.routes import compress, generation, openapi, operations, passthrough, playground
from semtoken_server.settings import Settings
from semtoken_server.tracing.base import NO_TRACING, Tracing

_API = (generation.router, passthrough.router, compress.router, openapi.router)
_OPERATORS = (operations.router, playground.router)


def create_app(
    settings: Settings,
    *,
    engine: Engine,
    compressor: CompressorBackend,
    metrics: Metrics,
    quality: QualityContract | None = None,
    tracing: Tracing = NO_TRACING,
    warmed: Callable[[], None] = lambda: None,
) -> FastAPI:
    """The gateway as an ASGI application; its lifespan starts and stops the collaborators.

    ``warmed`` is called once the compressor is loaded, or has failed to.
    """
    gateway = Gateway.assemble(settings, engine, compressor, metrics, quality=quality, tracing=tracing, warmed=warmed)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with gateway.running():
            yield

    operators = _OPERATORS if settings.operations_port is None else (operations.health,)
    return _application(gateway, operators, lifespan)


def operations_app(app: FastAPI) -> FastAPI:
    """What the operations port serves: what ``app`` does, and what only operators are to see.

    The playground is a page that asks the port that it came from.
    """
    own = _application(app.state.gateway, _OPERATORS)
    # The one that a reload changes.
    own.state = app.state
    return own


def _application(
    gateway: Gateway, operators: Sequence[APIRouter], lifespan: Lifespan[FastAPI] | None = None
) -> FastAPI:
    app = FastAPI(
        title="SemToken gateway",
        version=__version__,
        lifespan=lifespan,
        # The routes are an allow-list, and the documentation pages would load scripts from elsewhere.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.gateway = gateway
    # The last added is the outermost. A browser asks without a key whether it may ask with one.
    app.add_middleware(AccessControl, access=gateway.access, answer=_answer_error)
    if gateway.settings.cors_origins:
        allow_origins(app, gateway.settings.cors_origins)
    app.add_middleware(
        RequestContext,
        metrics=gateway.metrics,
        lifecycle=gateway.lifecycle,
        tracing=gateway.tracing,
        log=log_request if gateway.settings.log_requests else None,
    )
    for error in (GatewayError, SemTokenError, HTTPException, Exception):
        app.add_exception_handler(error, _answer_error)
    for router in (*_API, *operators):
        app.include_router(router)
    return app


async def _answer_error(request: Request, error: Exception) -> Response:
    if isinstance(error, GatewayError) and error.rejection is not None:
        gateway_of(request).metrics.admission_rejections.labels(error.rejection).inc()
    trace_of(request).failed(error)
    return answer_for(error).response(request.scope["path"])
