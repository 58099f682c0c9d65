"""Which request a log line is about."""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple


class About(NamedTuple):
    """The ids of a request; those of its trace are empty where it is not traced."""

    request_id: str
    trace_id: str = ""
    span_id: str = ""


_current: ContextVar[About | None] = ContextVar("semtoken_request", default=None)


def work_for(about: About | None) -> None:
    """From now on this task, and those that it starts, work for this request.

    Never taken back: a server has a task for each request, and logs what escaped it after the application's end.
    """
    _current.set(about)


def working_for() -> About | None:
    """The request that is worked for here; None where it is for none."""
    return _current.get()
