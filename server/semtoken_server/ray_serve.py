"""The gateway as an application of Ray Serve (extra `ray`): the same app in replicas that Ray starts and scales.

    serve deploy deploy/ray/serve.yaml

Ray's proxies take the place of the load balancer, its replicas that of `workers`. Each replica is a whole gateway with
a compressor of its own. `/metrics` and `/playground` are not served, since any replica might answer: what the gateway
counts goes to Ray's metrics (``ray_metrics.py``).
"""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from pathlib import Path
from typing import Any

from ray import serve
from ray.serve import Application
from ray.serve.metrics import Gauge
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from semtoken_server.access.exposure import look_at_access
from semtoken_server.asgi import build_app
from semtoken_server.gateway import Gateway
from semtoken_server.logs.config import configure_logs
from semtoken_server.ray_metrics import publishing
from semtoken_server.settings import InvalidSettingsError, Settings

logger = logging.getLogger(__name__)

DEPLOYMENT = "Gateway"
_LAST_WORDS_S = 15.0
_PATIENCE_S = 60.0
# Ray's proxies decide where to listen. What is only for operators is left out as where there is a port for it.
_OF_RAY = {"host": "0.0.0.0", "operations_port": 0}  # noqa: S104
_AUTOSCALING = {"min_replicas": 2, "max_replicas": 8, "target_ongoing_requests": 100}


def build(args: dict[str, Any]) -> Application:
    """The application for `import_path: semtoken_server.ray_serve:build`.

    ``args`` are settings by name, which win over the environment, and ``config``, a settings file; the replicas read
    file and environment themselves, wherever they run. Options of the deployment in Ray's own file win over those here.
    Raises ``InvalidSettingsError``.
    """
    settings = _load(args)
    if (warning := look_at_access(settings)) is not None:
        logger.warning("%s", warning)

    def replica() -> ASGIApp:
        own = _load(args)
        configure_logs(own)
        app = build_app(own)
        return Replica(app, app.state.gateway)

    deployed = serve.deployment(
        name=DEPLOYMENT,
        # More than the gateway takes, so that it is the gateway that refuses, in OpenAI's form.
        max_ongoing_requests=2 * (settings.max_concurrent + settings.max_queue),
        autoscaling_config=_AUTOSCALING,
        ray_actor_options={"num_cpus": 2},
        graceful_shutdown_timeout_s=settings.drain_s + _LAST_WORDS_S,
    )
    return deployed(serve.ingress(replica)()).bind()


def _load(args: dict[str, Any]) -> Settings:
    overrides = dict(args)
    config = overrides.pop("config", None)
    settings = Settings.load(None if config is None else Path(config), **{**overrides, **_OF_RAY})
    if not settings.engine_urls:
        raise InvalidSettingsError("engine_urls: under Ray Serve the gateway starts no engine; name those that run")
    if settings.workers != 1:
        raise InvalidSettingsError("workers: under Ray Serve each replica is one process; set the number of replicas")
    return settings


class Replica:
    """The gateway in a replica: starts when it can compress, publishes what it counts, leaves requests' ids to Ray."""

    def __init__(self, app: ASGIApp, gateway: Gateway, patience_s: float = _PATIENCE_S) -> None:
        self._app = app
        self._gateway = gateway
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] == "lifespan":
            async with publishing(self._gateway.metrics, _new_gauge):
                await self._app(scope, receive, partial(self._send_when_ready, send))
        else:
            await self._app(scope, receive, partial(_send_without_id, send))

    async def _send_when_ready(self, send: Send, message: Message) -> None:
        """Ray knows no readiness but that a replica has started, so it has when the encoder is loaded.

        Not without end: with no engine up there is nothing that a replica could do about it.
        """
        if message["type"] == "lifespan.startup.complete":
            until = time.monotonic() + self._patience_s
            while not self._gateway.readiness()[0] and time.monotonic() < until:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
        await send(message)


def _new_gauge(name: str, meaning: str, labels: tuple[str, ...]) -> Gauge:
    # Ray says a tuple of one, and takes any.
    return Gauge(name, meaning, tag_keys=labels)  # type: ignore[arg-type]


async def _send_without_id(send: Send, message: Message) -> None:
    """Ray's proxy gives every request an id, which is the one we go by, and puts it into the answer."""
    if message["type"] == "http.response.start":
        message["headers"] = [header for header in message["headers"] if header[0] != b"x-request-id"]
    await send(message)
