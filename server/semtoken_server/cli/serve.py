"""`semtoken serve`: the gateway, with an engine of its own if it is given none."""

from __future__ import annotations

import signal
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer
import yaml

from semtoken_server.access.exposure import look_at_access
from semtoken_server.cli.announce import announce_when_ready
from semtoken_server.cli.embedded import backing_engine
from semtoken_server.cli.listening import gateway_server, listening, local_url
from semtoken_server.cli.terminal import warn
from semtoken_server.cli.worker import run_worker
from semtoken_server.compression.shared.process import CompressorProcess
from semtoken_server.lifecycle.reload import LIVE, WITH_WORKERS, Reloader
from semtoken_server.lifecycle.workers import WorkerGroup
from semtoken_server.logs.config import configure_logs
from semtoken_server.metrics import forget_process
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
    overrides = {name: value for name, value in given.items() if value is not None}

    def load() -> Settings:
        return Settings.load(config, **overrides)

    settings = load()
    if print_config:
        typer.echo(yaml.safe_dump(settings.masked_dict(), sort_keys=False, allow_unicode=True), nl=False)
        return
    configure_logs(settings)
    if (warning := look_at_access(settings)) is not None:
        warn(warning, settings)
    # Before the gateway serves and after it has: the engine is stopped in order.
    signal.signal(signal.SIGTERM, _stop)
    # Until there is something to reload. By default the signal would kill.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with listening(settings) as sockets, backing_engine(settings) as backing:
        announce_when_ready(
            local_url(settings, sockets[0]), keys=settings.keys_file is not None, plainly=settings.log_format == "text"
        )
        serve_here = _serve if settings.workers == 1 else _serve_with_workers
        if not serve_here(backing.settings, sockets, load):
            raise SystemExit(1)


def _stop(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(0)


def _serve(settings: Settings, sockets: list[socket.socket], load: Callable[[], Settings]) -> bool:
    """Serve in this process until told to stop; returns false when the gateway could not start."""
    app, server = gateway_server(settings, sockets)
    reloader = Reloader(load, settings, LIVE)

    def reload() -> None:
        if (found := reloader.reload()) is not None:
            app.state.gateway = app.state.gateway.reconfigured(found)
            server.drain_s, server.drain_delay_s = found.drain_s, found.delay_before_draining_s

    server.reload_with(reload)
    server.run(sockets)
    return server.started


def _serve_with_workers(settings: Settings, sockets: list[socket.socket], load: Callable[[], Settings]) -> bool:
    """The same in ``settings.workers`` processes, with one more that compresses for them."""
    reloader = Reloader(load, settings, WITH_WORKERS)
    running = settings
    with tempfile.TemporaryDirectory(prefix="semtoken-") as shared:
        metrics, socket_path = Path(shared, "metrics"), Path(shared, "compressor.sock")
        metrics.mkdir()
        settings.export(metrics, socket_path)

        def reload() -> bool:
            nonlocal running
            if (found := reloader.reload()) is None:
                return False
            running = found
            running.export(metrics, socket_path)
            return True

        with CompressorProcess(socket_path):
            return WorkerGroup(
                run_worker,
                sockets,
                settings.workers,
                reload=reload,
                buried=lambda pid: forget_process(pid, metrics),
                patience_s=lambda: running.delay_before_draining_s + running.drain_s,
            ).run()
