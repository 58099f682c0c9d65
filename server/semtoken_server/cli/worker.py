"""The gateway in one of several worker processes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from socket import socket

from semtoken_server.cli.listening import gateway_server
from semtoken_server.lifecycle.worker import HURRY, RETIRE, beat
from semtoken_server.logs.config import configure_logs
from semtoken_server.parent import end_with_parent, parent_is_gone
from semtoken_server.settings import Settings

# After the time that requests get, for their last words and for the rest to be closed.
_GRACE_S = 10.0
_BEAT_S = 1


def run_worker(listening: Sequence[socket], beats: Connection) -> None:
    """Serve at ``listening`` with the exported settings; the process drains and ends when its parent is gone."""
    settings = Settings.imported()
    configure_logs(settings)
    end_with_parent(settings.drain_s + _GRACE_S)
    _, server = gateway_server(settings, listening)

    async def alive() -> None:
        beat(beats)

    server.config.callback_notify, server.config.timeout_notify = alive, _BEAT_S
    server.handle(
        {
            # Without its parent it only keeps a successor from the port.
            signal.SIGTERM: lambda: server.retire() if parent_is_gone() else server.leave(),
            RETIRE: server.retire,
            HURRY: server.hurry,
            # A terminal sends both to the whole group; the parent says what is to be done.
            signal.SIGINT: signal.SIG_IGN,
            signal.SIGHUP: signal.SIG_IGN,
        }
    )
    server.run(list(listening))
    if not server.started:
        sys.exit(1)
