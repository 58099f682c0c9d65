"""`semtoken serve`: the gateway, with an engine of its own if it is given none."""

from __future__ import annotations

import signal
import socket
import tempfile
from pathlib import Path
from typing import Annotated, NoReturn

import typer
import uvicorn
import yaml
from uvicorn.supervisors import Multiprocess

from semtoken_server.access.exposure import look_at_access
from semtoken_server.asgi import build_app
from semtoken_server.cli.announce import announce_when_ready
from semtoken_server.cli.embedded import backing_engine
from semtoken_server.cli.listening import listen, local_url, uvicorn_config
from semtoken_server.cli.terminal import note
from semtoken_server.compression.shared.process import CompressorProcess
from semtoken_server.settings import Settings

Config = Annotated[Path | None, typer.Option(help="Settings as YAML.")]
EngineUrls = Annotated[list[str] | None, typer.Option("--engine-url", help="A running engine; may be repeated.")]
Model = Annotated[str | None, typer.Option(help="Folder or name of the served model.")]
Host = Annotated[str | None, typer.Option(help="Address to listen on [127.0.0.1].")]
Port = Annotated[int | None, typer.Option(help="Port to listen on [8080].")]
Workers = Annotated[int | None, typer.Option(help="Gateway processes [1].")]
PrintConfig = Annotated[bool, typer.Option("--print-config", help="Print the settings, secrets masked, and exit.")]


def serve(
    config: Config = None,
    engine_url: EngineUrls = None,
    model: Model = None,
    host: Host = None,
    port: Port = None,
    workers: Workers = None,
    print_config: PrintConfig = False,
) -> None:
    """Serve the gateway; with no engine URL it starts and supervises a vLLM on loopback."""
    given = {"engine_urls": engine_url or None, "model": model, "host": host, "port": port, "workers": workers}
    settings = Settings.load(config, **{name: value for name, value in given.items() if value is not None})
    if print_config:
        typer.echo(yaml.safe_dump(settings.masked_dict(), sort_keys=False, allow_unicode=True), nl=False)
        return
    if (warning := look_at_access(settings)) is not None:
        note(f"semtoken: {warning}")
    # uvicorn drains on SIGTERM and then raises it again; that must end here, not kill the process,
    # so that the engine is stopped in order.
    signal.signal(signal.SIGTERM, _stop)
    with listen(settings) as listening, backing_engine(settings) as backing:
        announce_when_ready(local_url(settings, listening), keys=settings.keys_file is not None)
        _run(backing.settings, listening)


def _stop(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(0)


def _run(settings: Settings, listening: socket.socket) -> None:
    """Serve until told to stop; raises ``SystemExit`` with 1 when the gateway could not start."""
    if settings.workers == 1:
        server = uvicorn.Server(uvicorn_config(settings, build_app(settings)))
        server.run(sockets=[listening])
        if not server.started:
            raise SystemExit(1)
        return
    with tempfile.TemporaryDirectory(prefix="semtoken-") as shared:
        metrics, socket_path = Path(shared, "metrics"), Path(shared, "compressor.sock")
        metrics.mkdir()
        settings.export(metrics, socket_path)
        with CompressorProcess(socket_path):
            Multiprocess(uvicorn_config(settings, None), sockets=[listening]).run()
