"""How uvicorn serves the gateway, in this process or in several."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from semtoken_server.app import operations_app
from semtoken_server.asgi import build_app
from semtoken_server.gateway import Gateway
from semtoken_server.lifecycle.ports import ByPort
from semtoken_server.lifecycle.server import GatewayServer
from semtoken_server.settings import InvalidSettingsError, Settings

_BACKLOG = 2048


def listen(settings: Settings) -> socket.socket:
    """A listening socket at the address of the settings; port 0 takes any free one.

    Raises ``InvalidSettingsError`` when the address cannot be had.
    """
    return _listen(settings.host, settings.port)


@contextmanager
def listening(settings: Settings) -> Iterator[list[socket.socket]]:
    """The gateway's socket, and the one of the operations port if there is one, for as long as this lasts.

    Raises ``InvalidSettingsError``.
    """
    port = settings.operations_port
    if port and port == settings.port:
        raise InvalidSettingsError(f"operations_port: the gateway itself listens on {port}")
    with ExitStack() as stack:
        sockets = [stack.enter_context(listen(settings))]
        if port is not None:
            sockets.append(stack.enter_context(_listen(settings.operations_host, port)))
        yield sockets


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise InvalidSettingsError(f"cannot listen on {host}:{port}: {error.strerror}") from error


def local_url(settings: Settings, listening: socket.socket) -> str:
    """Where the gateway answers on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listening.getsockname()[1]}"


def gateway_server(settings: Settings, sockets: Sequence[socket.socket]) -> tuple[FastAPI, GatewayServer]:
    """The gateway and what serves it at ``sockets``: its own, and the operations port's if there is one."""
    app = build_app(settings)
    gateway: Gateway = app.state.gateway
    served: ASGIApp = app
    if len(sockets) > 1:
        served = ByPort(app, operations_app(app), sockets[1].getsockname()[1])
    return app, GatewayServer(
        _uvicorn_config(settings, served),
        gateway.lifecycle,
        drain_delay_s=settings.delay_before_draining_s,
        drain_s=settings.drain_s,
    )


def _uvicorn_config(settings: Settings, app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        server_header=False,
        access_log=False,
        log_level=settings.log_level,
        # `configure_logs` has seen to it.
        log_config=None,
    )
