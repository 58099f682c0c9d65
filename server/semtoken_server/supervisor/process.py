"""One run of the engine under its guard, so that it cannot outlive this process."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from semtoken_server.supervisor import guard
from semtoken_server.supervisor.command import EngineCommand

_TAIL_BYTES = 16_384
# On top of the engine's own grace time: what the guard needs to see the end of every process.
_GUARD_MARGIN_S = 5.0


class GuardedProcess:
    """A started engine. Its output is appended to ``log``.

    The pipe to the guard is this process's proof of life: it closes when :meth:`stop` is called, and
    when this process ends in whatever way.
    """

    def __init__(self, command: EngineCommand, log: Path, grace_s: float) -> None:
        reading, self._alive = os.pipe()
        defaults = [f"--default={name}={value}" for name, value in command.defaults.items()]
        argv = [sys.executable, "-I", guard.__file__, f"--alive={reading}", f"--grace={grace_s}", *defaults]
        try:
            with log.open("ab") as output:
                self._guard = subprocess.Popen(
                    [*argv, "--", *command.argv],
                    pass_fds=(reading,),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=output,
                    start_new_session=True,
                )
        except OSError:
            os.close(self._alive)
            raise
        finally:
            os.close(reading)
        if self._guard.stdout is None:
            raise OSError("the guard has no standard output")
        self._output = self._guard.stdout
        self._grace_s = grace_s
        self._released = False
        line = self._output.readline()
        self.pid = int(line) if line else None
        """The engine's process id; ``None`` when it could not even be started (the log says why)."""

    def wait(self, timeout_s: float) -> int | None:
        """The engine's exit status (128 + n for signal n), or ``None`` while it runs."""
        if self._output in select.select([self._output], [], [], timeout_s)[0]:
            # Nothing follows the process id, so this is the end of the guard's output.
            self._guard.wait()
            self._close()
        return self._guard.returncode

    def stop(self) -> None:
        """End the engine and everything that it started; returns when they are gone."""
        self._release()
        try:
            self._guard.wait(self._grace_s + _GUARD_MARGIN_S)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        self._close()

    def _release(self) -> None:
        if not self._released:
            self._released = True
            os.close(self._alive)

    def _close(self) -> None:
        self._release()
        if self._output.closed:
            return
        self._output.close()
        if self._guard.returncode < 0 and self.pid is not None:
            # The guard was killed and could not clean up. The kernel took the engine's first process;
            # the others are in its group.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)


def log_tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log file; empty when there is none."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = stream.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
