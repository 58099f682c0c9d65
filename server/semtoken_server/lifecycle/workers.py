"""The parent of several gateway processes: keeps them running, replaces them one by one, has them drain."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from socket import socket

from semtoken_server.lifecycle.worker import HURRY, RETIRE, Target, Worker

logger = logging.getLogger(__name__)

_TURN_S = 0.2
# A worker that imports PyTorch on a busy machine is slow, not hung.
_START_S = 600.0
_SILENCE_S = 120.0
_BACKOFF_S = 1.0
_LONGEST_BACKOFF_S = 30.0
# After the time that requests get: for errors to go out, and the process to end.
_GRACE_S = 15.0


class WorkerGroup:
    """``count`` processes that run ``target`` at the same ``sockets``.

    ``reload`` is called at SIGHUP; when it returns true, each process is replaced by a new one.
    ``buried`` is called with the process id of each that has ended. ``patience_s`` is how long one may
    take to drain.
    """

    def __init__(
        self,
        target: Target,
        sockets: Sequence[socket],
        count: int,
        *,
        reload: Callable[[], bool],
        buried: Callable[[int], None],
        patience_s: Callable[[], float],
    ) -> None:
        self._target = target
        self._sockets = sockets
        self._count = count
        self._reload = reload
        self._buried = buried
        self._patience_s = patience_s
        self._signals: list[int] = []
        self._serving: list[Worker] = []
        self._outdated: list[Worker] = []
        self._replacement: Worker | None = None
        self._retired: list[Worker] = []
        self._start_at = 0.0
        self._backoff_s = _BACKOFF_S
        self._failed = False

    def run(self) -> bool:
        """Until SIGTERM or SIGINT; returns false when a worker could not start and none served."""
        handled = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        before = {number: signal.signal(number, lambda number, _: self._signals.append(number)) for number in handled}
        try:
            while not self._failed and not self._told_to_leave():
                self._fill()
                self._turn()
                self._replace()
            self._leave()
        finally:
            for worker in self._all():
                worker.process.kill()
                worker.bury()
            for number, handler in before.items():
                signal.signal(number, handler)
        return not self._failed

    def _all(self) -> list[Worker]:
        replacement = [] if self._replacement is None else [self._replacement]
        return [*self._serving, *self._retired, *replacement]

    def _told_to_leave(self) -> bool:
        while self._signals:
            if self._signals.pop(0) != signal.SIGHUP:
                return True
            if self._reload():
                self._outdated = list(self._serving)
        return False

    def _fill(self) -> None:
        """Start what is missing, after a while where one has just failed."""
        # A replacement whose predecessor has died meanwhile is one of those wanted.
        wanted = self._count - (self._replacement is not None and not self._outdated)
        while len(self._serving) < wanted and time.monotonic() >= self._start_at:
            self._serving.append(Worker(self._target, self._sockets))

    def _turn(self) -> None:
        """Wait a little for something to happen; take signs of life, and bury the dead."""
        workers = self._all()
        wait([*(w.process.sentinel for w in workers), *(w.beats for w in workers if not w.serves)], _TURN_S)
        for worker in workers:
            worker.hear()
            if worker.silent_s > (_SILENCE_S if worker.serves else _START_S) and worker not in self._retired:
                logger.error("worker %d does not answer and is killed", worker.pid)
                worker.process.kill()
                worker.process.join()
            if not worker.process.is_alive():
                self._bury(worker)

    def _bury(self, worker: Worker) -> None:
        code = worker.process.exitcode
        worker.bury()
        self._buried(worker.pid)
        if worker in self._retired:
            self._retired.remove(worker)
        elif worker is self._replacement:
            self._replacement, self._outdated = None, []
            logger.error("a new worker ended with %s before it served; the others stay as they were", code)
        else:
            self._serving.remove(worker)
            self._outdated = [other for other in self._outdated if other is not worker]
            if worker.serves:
                logger.error("worker %d ended with %s", worker.pid, code)
                self._start_at, self._backoff_s = time.monotonic(), _BACKOFF_S
            else:
                self._put_off(worker, code)

    def _put_off(self, worker: Worker, code: int | None) -> None:
        """One ended before it served: try again later, or give up where nobody serves."""
        logger.error("worker %d ended with %s before it served", worker.pid, code)
        # One that ends by itself before it serves would do so again, but what keeps it from starting (a file that is
        # wrong for a while) is no reason to end those that serve.
        if code is not None and code > 0 and not any(other.serves for other in self._all()):
            self._failed = True
            return
        logger.error("a worker is missing; the next try is in %g s", self._backoff_s)
        self._start_at = time.monotonic() + self._backoff_s
        self._backoff_s = min(2 * self._backoff_s, _LONGEST_BACKOFF_S)

    def _replace(self) -> None:
        """One step of a rolling restart: a new worker first, then the old one retires."""
        if self._replacement is None:
            if self._outdated:
                self._replacement = Worker(self._target, self._sockets)
            return
        if not self._replacement.serves:
            return
        new, self._replacement = self._replacement, None
        self._serving.append(new)
        if self._outdated:
            old = self._outdated.pop(0)
            self._serving.remove(old)
            self._retired.append(old)
            old.tell(RETIRE)
            logger.info("worker %d takes the place of %d", new.pid, old.pid)

    def _leave(self) -> None:
        """Have all drain, and wait for them; at once when told a second time."""
        # Kept open here it would take connections in that nobody serves.
        for listening in self._sockets:
            listening.close()
        for worker in self._all():
            worker.tell(signal.SIGTERM)
        until = time.monotonic() + self._patience_s() + _GRACE_S
        while (left := self._all()) and time.monotonic() < until:
            wait([worker.process.sentinel for worker in left], _TURN_S)
            self._retired, self._serving, self._replacement = left, [], None
            for worker in list(left):
                if not worker.process.is_alive():
                    self._bury(worker)
            if any(number != signal.SIGHUP for number in self._signals):
                self._signals.clear()
                until = time.monotonic() + _GRACE_S
                for worker in self._retired:
                    worker.tell(HURRY)
