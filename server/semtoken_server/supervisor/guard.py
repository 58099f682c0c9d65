"""Runs one command and makes sure that nothing of it outlives whoever asked for it.

A program of its own, started by its path and made of the standard library alone, so that it is up
within milliseconds and needs nothing that an import of the gateway could break:

Linux only, as vLLM is.

    python -I guard.py --alive FD --grace SECONDS [--default NAME=VALUE]... -- COMMAND...

The gateway holds the write end of a pipe whose read end is ``FD``. However the gateway ends, by
SIGKILL too, the kernel closes that pipe, and the guard ends the command: SIGTERM to its process
group, and after the grace time SIGKILL to it and to every descendant, whichever group or session
it moved to (the guard is their subreaper, so none escapes by losing its parent). Should the guard
itself be killed, the kernel kills the command's first process; the gateway kills its group.

The first line on standard output is the command's process id, which is also that of its group; the
command's own output goes to the guard's standard error. The exit status is the command's, or 128
plus the number of the signal that ended it.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_OWN_VARIABLES = "SEMTOKEN_"
_POLL_S = 0.05
_HELPERS_GRACE_S = 1.0
"""What helper processes get once their command has ended: nobody is left whom they could serve."""


def main() -> int:
    """Run the command until it ends or its owner does; returns the exit status."""
    options = _options()
    wake = _wake_on_signals()
    prctl = _prctl()
    prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        command = _start(options, prctl)
    except OSError as error:
        sys.stderr.write(f"cannot run {options.command[0]!r}: {error}\n")
        return 127
    sys.stdout.write(f"{command.pid}\n")
    sys.stdout.flush()
    status = _watch(command.pid, options.alive, wake)
    return _end(command.pid, status, options.grace)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="run a command that must not outlive its owner")
    parser.add_argument("--alive", type=int, required=True, help="read end of a pipe that the owner holds open")
    parser.add_argument("--grace", type=float, required=True, help="seconds between SIGTERM and SIGKILL")
    parser.add_argument("--default", action="append", default=[], help="NAME=VALUE for an unset variable")
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def _wake_on_signals() -> int:
    """A file descriptor that becomes readable on SIGCHLD (a child ended) and SIGTERM (stop)."""
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: None)
    return reading


def _prctl() -> Callable[[int, int], object]:
    if sys.platform != "linux":
        return lambda _option, _value: None
    libc = ctypes.CDLL(None, use_errno=True)
    return lambda option, value: libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0)


def _start(options: argparse.Namespace, prctl: Callable[[int, int], object]) -> subprocess.Popen[bytes]:
    guard = os.getpid()

    def die_with_the_guard() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(1)

    defaults = dict(pair.split("=", 1) for pair in options.default)
    # The command is somebody else's program: it has no business with the gateway's keys.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_VARIABLES)}
    return subprocess.Popen(
        options.command,
        env={**defaults, **inherited},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        start_new_session=True,
        preexec_fn=die_with_the_guard,  # noqa: PLW1509 - this process has one thread
    )


def _watch(command: int, alive: int, wake: int) -> int | None:
    """Wait until the command ended (its wait status) or has to (``None``)."""
    while True:
        readable, _, _ = select.select([alive, wake], [], [])
        if wake in readable:
            caught = os.read(wake, 4096)
            if (status := _reap(command)) is not None:
                return status
            if signal.SIGTERM in caught:
                return None
        if alive in readable:
            return None


def _end(command: int, status: int | None, grace: float) -> int:
    """Leave nothing behind: SIGTERM and time to comply, then SIGKILL until no descendant is left."""
    _signal_group(command, signal.SIGTERM)
    deadline = time.monotonic() + (grace if status is None else min(grace, _HELPERS_GRACE_S))
    while time.monotonic() < deadline and _descendants():
        if (reaped := _reap(command)) is not None:
            status = reaped
            deadline = min(deadline, time.monotonic() + _HELPERS_GRACE_S)
        time.sleep(_POLL_S)
    while left := _descendants():
        _signal_group(command, signal.SIGKILL)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if (reaped := _reap(command)) is not None:
            status = reaped
        time.sleep(_POLL_S)
    code = os.waitstatus_to_exitcode(status or 0)
    return code if code >= 0 else 128 - code


def _reap(command: int) -> int | None:
    """Collect every child that ended; the command's wait status if it is among them."""
    found = None
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == command:
                found = ended[1]
    return found


def _signal_group(command: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(command, number)


def _descendants() -> list[int]:
    """Process ids of everything below this process, zombies too; on Linux from /proc."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            # "pid (name) state ppid ..."; the name may hold blanks and brackets.
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    queue = [os.getpid()]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


if __name__ == "__main__":
    sys.exit(main())
