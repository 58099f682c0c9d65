"""Threads of PyTorch on a CPU: several forward passes of one thread each, never one of several.

Threads that share one pass wait for each other at every operation, spinning; on a machine that does
anything else meanwhile (an engine, another gateway) that costs many times what it gains.
"""

from __future__ import annotations

import threading

import torch

_SETTING = threading.Lock()


def cpu_workers() -> int:
    """As many as PyTorch would use for one operation."""
    return max(1, torch.get_num_threads())


def one_thread_each() -> None:
    """Let the calling thread compute alone; other threads keep what they have."""
    with _SETTING:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        # A thread takes its number over from the process at its first operation: now, not later.
        torch.mm(torch.ones(64, 64), torch.ones(64, 64))
        _set_process_default(before)


def _set_process_default(threads: int) -> None:
    """What threads that have not computed yet will use; those that have keep their own number."""
    setting = threading.Thread(target=torch.set_num_threads, args=(threads,))
    setting.start()
    setting.join()
