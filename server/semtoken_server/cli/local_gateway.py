"""A gateway in a thread of this process, with an engine of its own: for the demo and for measurements."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from semtoken_server.cli.announce import wait_until_ready
from semtoken_server.cli.embedded import backing_engine
from semtoken_server.cli.listening import gateway_server, listen, local_url
from semtoken_server.cli.terminal import spinner
from semtoken_server.logs.config import configure_logs
from semtoken_server.settings import Settings

PATIENCE_S = 300.0
_READY_S = 300.0


@dataclass(frozen=True, slots=True)
class LocalGateway:
    """Ready to answer."""

    url: str
    engine_url: str
    model: str


@contextlib.contextmanager
def local_gateway(*engine_args: str, **overrides: Any) -> Iterator[LocalGateway]:
    """Serve on free ports for as long as this lasts, with ``overrides`` of the settings.

    ``engine_args`` go to an engine that is started here. However slow the machine, it waits for
    compressions. Raises ``EngineStartError`` when the gateway does not become ready.
    """
    port, engine_port = _free_ports(2)
    given = {"compress_timeout_s": PATIENCE_S, "log_level": "warning", "keys_file": None, **overrides}
    settings = Settings.load(port=port, engine_port=engine_port, **given)
    settings = settings.model_copy(update={"engine_args": (*settings.engine_args, *engine_args)})
    configure_logs(settings)
    with listen(settings) as listening, backing_engine(settings) as backing, _serving(backing.settings, listening):
        if backing.supervisor is not None:
            with spinner("starting the engine"):
                backing.supervisor.wait_ready()
        url = local_url(settings, listening)
        yield LocalGateway(url, backing.settings.engine_urls[0], wait_until_ready(url, _READY_S))


@contextlib.contextmanager
def _serving(settings: Settings, listening: socket.socket) -> Iterator[None]:
    _, server = gateway_server(settings, [listening])
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="gateway", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]
