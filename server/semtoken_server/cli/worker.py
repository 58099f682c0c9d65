"""The gateway in one of several worker processes."""

from __future__ import annotations

import ctypes
import multiprocessing
import signal
import sys

from fastapi import FastAPI

from semtoken_server.asgi import worker
from semtoken_server.cli.terminal import silence_libraries

_PR_SET_PDEATHSIG = 1


def app() -> FastAPI:
    """The worker's application, for uvicorn's factory; the process drains and ends when its parent is gone.

    uvicorn's workers outlive a parent that was killed, and would answer on its port for good.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGTERM), 0, 0, 0)
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        # It was killed while this process was still importing: no signal comes for that any more.
        sys.exit(1)
    silence_libraries()
    return worker()
