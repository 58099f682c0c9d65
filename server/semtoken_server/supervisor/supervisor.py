"""Keeps one engine running: starts it, waits until it is healthy, starts it again when it dies."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from semtoken_server.supervisor.command import EngineCommand
from semtoken_server.supervisor.errors import EnginePortTakenError, EngineStartError
from semtoken_server.supervisor.process import GuardedProcess, log_tail

logger = logging.getLogger(__name__)


class EngineState(StrEnum):
    """Where the engine stands."""

    STARTING = "starting"
    READY = "ready"
    DOWN = "down"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """A change of state; ``log_tail`` is the end of the engine's log when it went down."""

    state: EngineState
    message: str
    log_tail: str = ""


@dataclass(frozen=True, slots=True)
class Patience:
    """Times in seconds: how long to wait for what."""

    healthy_s: float = 600.0
    """From the start to the first 200 of ``/health``; large models load for minutes."""
    grace_s: float = 10.0
    """Between SIGTERM and SIGKILL."""
    poll_s: float = 0.5
    first_backoff_s: float = 1.0
    longest_backoff_s: float = 60.0
    stable_s: float = 60.0
    """An engine that was ready for so long starts again without what earlier deaths added."""

    def backoff(self, deaths: int) -> float:
        """Pause before the next start after so many deaths in a row (1 or more)."""
        return float(min(self.longest_backoff_s, self.first_backoff_s * 2.0 ** min(deaths - 1, 30)))


class EngineSupervisor:
    """Runs an engine from a thread of its own, for good: it never gives up, but says what happens.

    ``listener`` hears every change of state, in the supervisor's thread.
    """

    def __init__(
        self,
        command: EngineCommand,
        log: Path,
        *,
        patience: Patience | None = None,
        listener: Callable[[EngineEvent], None] | None = None,
    ) -> None:
        self.command = command
        self.log = log
        self._patience = patience or Patience()
        self._listener = listener
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._event = EngineEvent(EngineState.STOPPED, "not started")
        self._thread = threading.Thread(target=self._run, name="engine-supervisor", daemon=True)

    @property
    def state(self) -> EngineState:
        """Where the engine stands now."""
        return self._event.state

    def start(self) -> None:
        """Start the engine and return at once; the log file begins anew.

        Raises ``EnginePortTakenError`` when the port is not free, and ``OSError`` when the log cannot
        be written.
        """
        _require_free(self.command)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_bytes(b"")
        self._thread.start()

    def wait_ready(self) -> None:
        """Wait until the engine is healthy.

        Raises ``EngineStartError``, with the end of the log, when it dies first or takes too long.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.state in (EngineState.READY, EngineState.DOWN) or self._over)
            event = self._event
        if event.state is not EngineState.READY:
            raise EngineStartError(event.message, log_tail=event.log_tail)

    def stop(self) -> None:
        """End the engine with all its processes; returns when they are gone."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _over(self) -> bool:
        return self._stopping.is_set() and self.state is EngineState.STOPPED

    def _run(self) -> None:
        deaths = 0
        while not self._stopping.is_set():
            ready_s, cause = self._live()
            if self._stopping.is_set():
                break
            deaths = 1 if ready_s >= self._patience.stable_s else deaths + 1
            pause = self._patience.backoff(deaths)
            self._change(EngineState.DOWN, f"{cause}; it starts again in {pause:g} s (log: {self.log})")
            self._stopping.wait(pause)
        self._change(EngineState.STOPPED, "the engine was stopped")

    def _live(self) -> tuple[float, str]:
        """One life of the engine: for how many seconds it was ready, and what ended it."""
        try:
            _require_free(self.command)
            self._change(EngineState.STARTING, f"the engine starts on {self.command.url} (log: {self.log})")
            process = GuardedProcess(self.command, self.log, self._patience.grace_s)
        except (EnginePortTakenError, OSError) as error:
            return 0.0, f"the engine cannot be started: {error}"
        try:
            return self._attend(process)
        finally:
            process.stop()

    def _attend(self, process: GuardedProcess) -> tuple[float, str]:
        begun = time.monotonic()
        ready_at: float | None = None
        with httpx.Client(base_url=self.command.url, timeout=2.0, trust_env=False) as client:
            while (status := process.wait(self._patience.poll_s)) is None:
                now = time.monotonic()
                if self._stopping.is_set():
                    return 0.0, "the engine is being stopped"
                if ready_at is not None:
                    continue
                if _healthy(client):
                    ready_at = now
                    self._change(EngineState.READY, f"the engine is ready after {now - begun:.0f} s")
                elif now - begun > self._patience.healthy_s:
                    return 0.0, f"the engine was not healthy after {self._patience.healthy_s:g} s"
        ready_s = 0.0 if ready_at is None else time.monotonic() - ready_at
        return ready_s, f"the engine ended with status {status}"

    def _change(self, state: EngineState, message: str) -> None:
        tail = log_tail(self.log) if state is EngineState.DOWN else ""
        event = EngineEvent(state, message, tail)
        if state is EngineState.DOWN:
            logger.error("%s%s", message, f"; its last lines:\n{tail}" if tail else "")
        else:
            logger.info("%s", message)
        with self._changed:
            self._event = event
            self._changed.notify_all()
        if self._listener is not None:
            self._listener(event)


def _healthy(client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return client.get("/health").is_success
    return False


def _require_free(command: EngineCommand) -> None:
    """Raises ``EnginePortTakenError``: else another program's answers would pass for the engine's."""
    with socket.socket() as probe:
        # As servers do: connections of the last life that still linger do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((command.host, command.port))
        except OSError as error:
            raise EnginePortTakenError(command.host, command.port) from error
