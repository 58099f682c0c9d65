"""How uvicorn serves the gateway, in this process or in several."""

from __future__ import annotations

import copy
import math
import socket
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.config import LOGGING_CONFIG

from semtoken_server.settings import InvalidSettingsError, Settings

_WORKER = "semtoken_server.cli.worker:app"
# A worker that imports PyTorch answers its parent late; it is not hung.
_WORKER_SILENCE_S = 120
_BACKLOG = 2048


def listen(settings: Settings) -> socket.socket:
    """A listening socket at the address of the settings; port 0 takes any free one.

    Raises ``InvalidSettingsError`` when the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise InvalidSettingsError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from error


def local_url(settings: Settings, listening: socket.socket) -> str:
    """Where the gateway answers on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listening.getsockname()[1]}"


def uvicorn_config(settings: Settings, app: FastAPI | None) -> uvicorn.Config:
    """The server's configuration; without an ``app`` every worker builds its own."""
    return uvicorn.Config(
        app or _WORKER,
        factory=app is None,
        workers=settings.workers,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        server_header=False,
        access_log=False,
        log_level=settings.log_level,
        log_config=_logging(settings.log_level),
        timeout_graceful_shutdown=math.ceil(settings.drain_s),
        timeout_worker_healthcheck=_WORKER_SILENCE_S,
    )


def _logging(level: str) -> dict[str, Any]:
    """uvicorn's own logging, with the gateway's lines in the same form."""
    config = copy.deepcopy(LOGGING_CONFIG)
    config["loggers"]["semtoken_server"] = {"handlers": ["default"], "level": level.upper(), "propagate": False}
    return config
