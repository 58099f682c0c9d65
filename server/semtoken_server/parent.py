"""A process that ends when its parent does, also when that was killed."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_GRACE_S = 10.0


def end_with_parent(grace_s: float = _GRACE_S) -> None:
    """Have SIGTERM come when the process that started this one is gone, and the end ``grace_s`` seconds after.

    For processes of ``multiprocessing``: its parent holds a pipe open, whose end is seen however the parent
    died and whenever that was, before this call as well. The kernel's signal is for a process whose
    interpreter cannot run the thread that watches.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGTERM), 0, 0, 0)
    threading.Thread(target=_watch, args=(grace_s,), name="parent", daemon=True).start()


def parent_is_gone() -> bool:
    """Whether the process that started this one, by ``multiprocessing``, has ended."""
    parent = multiprocessing.parent_process()
    return parent is not None and not parent.is_alive()


def _watch(grace_s: float) -> None:
    if (parent := multiprocessing.parent_process()) is None:
        return
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_s)
    # It has not ended in order.
    os._exit(1)
