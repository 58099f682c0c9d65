"""The parent of several workers: what becomes of those that serve while another cannot start."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from integration.lifecycle.conftest import eventually
from semtoken_server.lifecycle.worker import beat
from semtoken_server.lifecycle.workers import WorkerGroup


def worker(folder: Path, _sockets: Sequence[socket.socket], beats: Connection) -> None:
    """Serves, which the file named after its process id tells, unless the folder has a file ``bad``."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(0))
    if (folder / "bad").exists():
        sys.exit(1)
    beat(beats)
    (folder / str(os.getpid())).touch()
    while True:
        time.sleep(0.2)
        beat(beats)


class Group:
    """Two such workers."""

    def __init__(self, folder: Path, listening: socket.socket) -> None:
        self._folder = folder
        self.buried: list[int] = []
        self._group = WorkerGroup(
            partial(worker, folder),
            [listening],
            2,
            reload=lambda: False,
            buried=self.buried.append,
            patience_s=lambda: 1.0,
        )

    def serving(self) -> set[int]:
        return {int(file.name) for file in self._folder.glob("[0-9]*")} - set(self.buried)

    def all_serve(self) -> bool:
        return len(self.serving()) == 2

    def break_starting(self) -> None:
        (self._folder / "bad").touch()

    def mend_starting(self) -> None:
        (self._folder / "bad").unlink()

    def run(self, meanwhile: Callable[[], None]) -> bool:
        """What the group returns, which is told to leave when ``meanwhile`` is through."""
        faults: list[AssertionError] = []

        def follow() -> None:
            try:
                meanwhile()
            except AssertionError as fault:
                faults.append(fault)
            os.kill(os.getpid(), signal.SIGTERM)

        # For when it has ended by itself.
        before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
        following = threading.Thread(target=follow)
        following.start()
        try:
            ended_well = self._group.run()
        finally:
            following.join()
            signal.signal(signal.SIGTERM, before)
        assert faults == []
        return ended_well


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Group]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield Group(tmp_path, listening)


def test_one_that_cannot_start_leaves_the_others_serving(group: Group, caplog: pytest.LogCaptureFixture) -> None:
    def meanwhile() -> None:
        eventually(group.all_serve)
        killed, other = group.serving()
        group.break_starting()
        os.kill(killed, signal.SIGKILL)
        # The dead one and two that did not come up in its place.
        eventually(lambda: len(group.buried) == 3, "none was tried again", 60)
        assert group.serving() == {other}
        group.mend_starting()
        eventually(group.all_serve, "nobody took the place", 60)
        assert other in group.serving()

    with caplog.at_level(logging.ERROR, "semtoken_server"):
        assert group.run(meanwhile)
    assert caplog.text.count("ended with 1 before it served") == 2
    assert "the next try is in 1 s" in caplog.text
    assert "the next try is in 2 s" in caplog.text


@pytest.mark.parametrize("served_before", [False, True])
def test_where_nobody_serves_one_that_cannot_start_ends_it(group: Group, served_before: bool) -> None:
    deaths = 3 if served_before else 1

    def meanwhile() -> None:
        if served_before:
            eventually(group.all_serve)
        group.break_starting()
        for pid in group.serving():
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: len(group.buried) >= deaths, "it goes on without anybody", 60)

    if not served_before:
        group.break_starting()
    assert not group.run(meanwhile)
