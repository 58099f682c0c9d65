"""A supervisor over a fake engine that runs as a real process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.supervisor.engine_bench import Bench, alive, eventually, free_port


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, free_port())
    yield bench
    eventually(lambda: not any(alive(pid) for pid in bench.pids()))
