"""Starts the compressor's process, and starts it again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import multiprocessing
import signal
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from huggingface_hub.utils.tqdm import disable_progress_bars

from semtoken_server.compression.build import build_thread_compressor
from semtoken_server.compression.shared.host import CompressorHost
from semtoken_server.logs.config import configure_logs
from semtoken_server.metrics import Metrics
from semtoken_server.parent import end_with_parent
from semtoken_server.settings import Settings, shared_metrics_dir

logger = logging.getLogger(__name__)

PROCESS_NAME = "semtoken-compr"
"""As `ps` and `top` show it."""

_PR_SET_NAME = 15
_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 30.0
_STABLE_S = 60.0
_GRACE_S = 10.0


class CompressorProcess:
    """The process for as long as this context lasts; its settings are those that were exported."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._stopping = threading.Event()
        self._process: multiprocessing.process.BaseProcess | None = None
        # The kernel ends a child with the thread that started it: this one lives as long as we do.
        self._thread = threading.Thread(target=self._keep, name="compressor-process", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()

    @property
    def pid(self) -> int | None:
        """Its process id; None before its first start."""
        return None if self._process is None else self._process.pid

    def _keep(self) -> None:
        backoff = _FIRST_BACKOFF_S
        while not self._stopping.is_set():
            self._process = multiprocessing.get_context("spawn").Process(
                target=run_compressor, args=(self._socket,), name="semtoken-compressor", daemon=True
            )
            self._process.start()
            lived = self._wait(self._process)
            if self._stopping.is_set():
                return
            backoff = _FIRST_BACKOFF_S if lived > _STABLE_S else min(_LONGEST_BACKOFF_S, backoff * 2)
            logger.error(
                "the compressor's process ended with %s; it starts again in %g s", self._process.exitcode, backoff
            )
            self._stopping.wait(backoff)

    def _wait(self, process: multiprocessing.process.BaseProcess) -> float:
        """Until the process ends, or is ended because we are to stop; returns the seconds it lived, about."""
        lived = 0.0
        while process.is_alive():
            if self._stopping.wait(0.2):
                process.terminate()
                process.join(_GRACE_S)
                process.kill()
                process.join()
            lived += 0.2
        return lived


def run_compressor(socket: Path) -> None:
    """The process itself."""
    end_with_parent()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NAME, ctypes.c_char_p(PROCESS_NAME.encode()), 0, 0, 0)
    # Ctrl-C goes to the whole group; the parent says when it is over.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings = Settings.imported()
    configure_logs(settings)
    disable_progress_bars()
    host = CompressorHost(build_thread_compressor(settings, Metrics(shared_metrics_dir())))
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_serve(host, socket))


async def _serve(host: CompressorHost, socket: Path) -> None:
    serving = asyncio.create_task(host.serve(socket))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
    await serving
