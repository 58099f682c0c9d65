"""Windows of many callers in tiles of one shape."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from semtoken import Deadline, DeadlineExceededError, EncoderError
from semtoken.datamodels import FloatArray, IntArray
from semtoken.encoders.tiles import TileRunner


class Recorder:
    """Gives each window its own ids as vectors, remembers every tile, and may wait at a gate."""

    def __init__(self, *, open_gate: bool = True) -> None:
        self.tiles: list[list[int]] = []
        self.gate = threading.Event()
        self.entered = threading.Semaphore(0)
        self.broken = False
        if open_gate:
            self.gate.set()

    def __call__(self, windows: Sequence[IntArray]) -> list[FloatArray]:
        self.tiles.append([int(window[0]) for window in windows])
        self.entered.release()
        if not self.gate.wait(timeout=30):
            raise TimeoutError("nobody opened the gate")
        if self.broken:
            raise EncoderError("out of memory")
        return [window[:, None].astype(np.float32) for window in windows]


def windows(first: int, count: int) -> list[IntArray]:
    return [np.full(3, first + number, dtype=np.int64) for number in range(count)]


def firsts(vectors: Sequence[FloatArray]) -> list[int]:
    return [int(rows[0, 0]) for rows in vectors]


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_outputs_come_in_the_order_of_the_windows() -> None:
    forward = Recorder()
    runner = TileRunner(forward, tile=4, workers=3)
    assert firsts(runner.run(windows(0, 11))) == list(range(11))
    assert sorted(map(len, forward.tiles)) == [3, 4, 4]
    assert runner.run([]) == []


def test_callers_share_tiles_and_a_long_text_does_not_hold_up_a_short_one() -> None:
    forward = Recorder(open_gate=False)
    runner = TileRunner(forward, tile=4, workers=1)
    with ThreadPoolExecutor(3) as pool:
        long = pool.submit(runner.run, windows(0, 40))
        assert forward.entered.acquire(timeout=10)
        short = [pool.submit(runner.run, windows(first, 2)) for first in (100, 200)]
        wait_for(lambda: len(runner) == 3)
        forward.gate.set()
        assert [firsts(job.result(10)) for job in short] == [[100, 101], [200, 201]]
        assert firsts(long.result(10)) == list(range(40))
    # The tile under way, then one of the long text, which has waited longest, then both short ones.
    assert forward.tiles[2] == [100, 101, 200, 201]


def test_a_tile_that_fails_fails_those_in_it_and_nobody_else() -> None:
    forward = Recorder()
    runner = TileRunner(forward, tile=4, workers=1)
    forward.broken = True
    with pytest.raises(EncoderError, match="out of memory"):
        runner.run(windows(0, 9))
    forward.broken = False
    assert firsts(runner.run(windows(5, 2))) == [5, 6]
    # The rest of a text that has failed is not run.
    assert forward.tiles == [[0, 1, 2, 3], [5, 6]]


def test_an_error_that_nobody_foresaw_is_an_encoder_s_and_the_thread_lives_on() -> None:
    errors: list[Exception] = [ZeroDivisionError("a bug")]

    def forward(tile: Sequence[IntArray]) -> list[FloatArray]:
        if errors:
            raise errors.pop()
        return [window[:, None].astype(np.float32) for window in tile]

    runner = TileRunner(forward, tile=4, workers=1)
    with pytest.raises(EncoderError, match="a bug"):
        runner.run(windows(0, 1))
    assert firsts(runner.run(windows(3, 1))) == [3]


def test_a_listener_that_raises_fails_its_tile_and_the_thread_lives_on() -> None:
    raised: list[Exception] = [ValueError("no such metric")]

    def listen(_tokens: int) -> None:
        if raised:
            raise raised.pop()

    runner = TileRunner(Recorder(), tile=4, workers=1, on_batch=listen)
    with pytest.raises(EncoderError, match="no such metric"):
        runner.run(windows(0, 1), Deadline.after(10))
    assert firsts(runner.run(windows(3, 1), Deadline.after(10))) == [3]


def test_what_nobody_waits_for_any_more_is_not_run() -> None:
    forward = Recorder(open_gate=False)
    runner = TileRunner(forward, tile=4, workers=1)
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(runner.run, windows(0, 4))
        assert forward.entered.acquire(timeout=10)
        with pytest.raises(DeadlineExceededError):
            runner.run(windows(100, 8), Deadline.after(0.05))
        cancelled = Deadline.after(60)
        left = pool.submit(runner.run, windows(200, 8), cancelled)
        wait_for(lambda: len(runner) == 2)
        cancelled.cancel()
        forward.gate.set()
        with pytest.raises(DeadlineExceededError):
            left.result(10)
        running.result(10)
    assert firsts(runner.run(windows(7, 1))) == [7]
    assert forward.tiles == [[0, 1, 2, 3], [7]]


def test_closing_fails_what_waits_and_what_comes_later() -> None:
    forward = Recorder(open_gate=False)
    runner = TileRunner(forward, tile=4, workers=1)
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(runner.run, windows(0, 4))
        assert forward.entered.acquire(timeout=10)
        waiting = pool.submit(runner.run, windows(100, 4))
        wait_for(lambda: len(runner) == 2)
        runner.close()
        with pytest.raises(EncoderError, match="closed"):
            waiting.result(10)
        forward.gate.set()
        assert firsts(running.result(10)) == [0, 1, 2, 3]
    with pytest.raises(EncoderError, match="closed"):
        runner.run(windows(0, 1))


def test_tokens_of_each_tile_are_told() -> None:
    told: list[int] = []
    runner = TileRunner(Recorder(), tile=4, workers=1, on_batch=told.append)
    runner.run(windows(0, 5))
    assert told == [12, 3]


def test_a_deadline_is_over_when_its_time_has_come_or_when_it_is_cancelled() -> None:
    deadline = Deadline.after(60)
    assert not deadline.over
    deadline.check()
    deadline.cancel()
    assert deadline.over
    assert deadline.remaining_s == 0.0
    with pytest.raises(DeadlineExceededError):
        deadline.check()
    assert Deadline.after(-1).over
