"""One of several gateway processes, as the parent sees it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from socket import socket

# For the sockets in a process's arguments.
multiprocessing.allow_connection_pickling()
_SPAWN = multiprocessing.get_context("spawn")

RETIRE = signal.SIGUSR1
"""Told to a worker: others listen in its place."""
HURRY = signal.SIGUSR2
"""Told to a worker: end now."""

Target = Callable[[Sequence[socket], Connection], None]


class Worker:
    """A process that runs ``target(sockets, beats)`` and writes to ``beats`` while it serves."""

    def __init__(self, target: Target, sockets: Sequence[socket]) -> None:
        self.beats, theirs = multiprocessing.Pipe(duplex=False)
        self.process = _SPAWN.Process(target=target, args=(sockets, theirs), name="semtoken-worker")
        self.process.start()
        theirs.close()
        self.serves = False
        """It has served; it may have stopped since."""
        self._heard = time.monotonic()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid or 0

    @property
    def silent_s(self) -> float:
        """Since its last sign of life, or its start."""
        return time.monotonic() - self._heard

    def hear(self) -> None:
        """Take what it wrote."""
        while self.beats.poll():
            if not os.read(self.beats.fileno(), 4096):
                return
            self.serves = True
            self._heard = time.monotonic()

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.process.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def bury(self) -> None:
        """Let go of it after its end."""
        self.process.join()
        self.beats.close()


def beat(beats: Connection) -> None:
    """A sign of life, from the worker itself. It never waits: a parent that is stopped does not read."""
    os.set_blocking(beats.fileno(), False)
    with suppress(OSError):
        os.write(beats.fileno(), b".")
