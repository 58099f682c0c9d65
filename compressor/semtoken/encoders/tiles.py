"""Windows of many callers run together, in tiles of one shape, on threads of their own.

Callers take turns: a text of a thousand windows does not hold up one of ten for longer than a tile.
A result never depends on who shares the tile, since a tile's shape is always the same.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from semtoken.datamodels import FloatArray, IntArray
from semtoken.deadline import Deadline
from semtoken.errors import DeadlineExceededError, EncoderError

Forward = Callable[[Sequence[IntArray]], list[FloatArray]]
"""Token vectors (t, d) of each window of a tile; raises ``EncoderError``."""

OnBatch = Callable[[int], None]
"""Told the tokens of each tile, padding left out; what it raises is a failure of the tile."""


def ignore(_tokens: int) -> None:
    """Nobody wants to know."""


@dataclass(eq=False, slots=True)
class _Job:
    windows: Sequence[IntArray]
    deadline: Deadline | None
    outputs: dict[int, FloatArray] = field(default_factory=dict)
    taken: int = 0
    error: EncoderError | DeadlineExceededError | None = None
    finished: threading.Event = field(default_factory=threading.Event)

    @property
    def over(self) -> bool:
        return self.finished.is_set() or (self.deadline is not None and self.deadline.over)

    def fail(self, error: EncoderError | DeadlineExceededError) -> None:
        self.error = error
        self.finished.set()


_Place = tuple[_Job, int]
"""A window's job and its number there."""


def _encoder_error(error: Exception) -> EncoderError:
    return error if isinstance(error, EncoderError) else EncoderError(f"the encoder failed: {error}")


class TileRunner:
    """Fills tiles of ``tile`` windows from all callers in turn and runs them on ``workers`` threads.

    ``prepare`` runs once in each thread before its first tile; the threads start with the first job
    and end with the process, or with :meth:`close`.
    """

    def __init__(
        self,
        forward: Forward,
        *,
        tile: int,
        workers: int,
        prepare: Callable[[], None] = lambda: None,
        on_batch: OnBatch = ignore,
    ) -> None:
        self._forward = forward
        self._tile = tile
        self._workers = workers
        self._prepare = prepare
        self._on_batch = on_batch
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._running = 0

    def run(self, windows: Sequence[IntArray], deadline: Deadline | None = None) -> list[FloatArray]:
        """Token vectors of each window; blocks until all are there.

        Raises ``EncoderError`` when a tile fails and ``DeadlineExceededError`` when time is up, after
        which no more of these windows are run.
        """
        if not windows:
            return []
        job = _Job(windows, deadline)
        with self._changed:
            if self._closed:
                raise EncoderError("the encoder is closed")
            self._start()
            self._jobs.append(job)
            self._running += 1
            self._changed.notify_all()
        try:
            return self._awaited(job, deadline)
        finally:
            with self._changed:
                self._running -= 1

    def __len__(self) -> int:
        """Callers whose windows are not all done."""
        return self._running

    def _awaited(self, job: _Job, deadline: Deadline | None) -> list[FloatArray]:
        job.finished.wait(None if deadline is None else deadline.remaining_s)
        if job.error is not None:
            raise job.error
        if not job.finished.is_set():
            job.fail(DeadlineExceededError("the deadline passed before the text was encoded"))
            raise DeadlineExceededError("the deadline passed before the text was encoded")
        return [job.outputs[number] for number in range(len(job.windows))]

    def close(self) -> None:
        """Fail what waits and end the threads."""
        with self._changed:
            self._closed = True
            while self._jobs:
                self._jobs.popleft().fail(EncoderError("the encoder is closed"))
            self._changed.notify_all()

    def _start(self) -> None:
        while len(self._threads) < self._workers:
            name = f"semtoken-encoder-{len(self._threads)}"
            self._threads.append(threading.Thread(target=self._work, name=name, daemon=True))
            self._threads[-1].start()

    def _work(self) -> None:
        self._prepare()
        while places := self._next():
            try:
                outputs = self._forward([job.windows[number] for job, number in places])
                self._on_batch(sum(len(job.windows[number]) for job, number in places))
            except Exception as error:  # noqa: BLE001 - the thread serves everybody: it must not end
                for job, _ in places:
                    job.fail(_encoder_error(error))
                continue
            for (job, number), vectors in zip(places, outputs, strict=True):
                job.outputs[number] = vectors
                if len(job.outputs) == len(job.windows):
                    job.finished.set()

    def _next(self) -> list[_Place]:
        """The windows of the next tile, waiting for some; none once the runner is closed."""
        with self._changed:
            while not (places := self._take()) and not self._closed:
                self._changed.wait()
            return places

    def _take(self) -> list[_Place]:
        places: list[_Place] = []
        while self._jobs and len(places) < self._tile:
            job = self._jobs.popleft()
            if job.over:
                if not job.finished.is_set():
                    job.fail(DeadlineExceededError("the deadline passed before the text was encoded"))
                continue
            end = min(len(job.windows), job.taken + self._tile - len(places))
            places += [(job, number) for number in range(job.taken, end)]
            job.taken = end
            if end < len(job.windows):
                self._jobs.append(job)
                break
        return places
