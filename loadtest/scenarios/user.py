"""A user that sends streamed requests, in a closed loop or an open one.

**Closed loop** (the default): the next request follows the answer to the one before. A slow server is asked less.

**Open loop** (``--arrival-rate``): requests start at the instants of a Poisson process drawn beforehand, each in a
greenlet of its own, however many are still unanswered. Times count from the planned instant, not from the sending, so
that waiting behind a slow answer, or behind a busy load generator, is part of the latency: no coordinated omission.
"""

from __future__ import annotations

import logging
import time
from argparse import Namespace
from itertools import takewhile
from pathlib import Path
from typing import ClassVar

import gevent  # type: ignore[import-untyped]
from locust import User, events, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import STATE_RUNNING, STATE_SPAWNING

import loadtest.scenarios.options  # noqa: F401 - adds them
from loadtest.prompts.prompt import Prompt
from loadtest.scenarios.workload import Workload, prompts, workload
from loadtest.sending.arrivals import keep, poisson
from loadtest.sending.record import Record, append
from loadtest.sending.stream import StreamFailedError, send


class ScenarioUser(User):
    """Sends the prompts that all users share, in their order."""

    abstract = True
    scenarios: ClassVar[tuple[str, ...]] = ()
    """Those whose prompts it sends; none: what ``--scenario`` says."""
    prompts: ClassVar[list[Prompt]]
    workload: ClassVar[Workload]
    began: float

    def on_start(self) -> None:
        """Called by Locust."""
        self.began = time.perf_counter()

    @task
    def load(self) -> None:
        """One request, or the whole open loop."""
        options = self.environment.parsed_options or Namespace()
        if options.arrival_rate:
            self._open_loop(options)
            raise StopUser
        self._send(time.perf_counter(), options.records)

    def _open_loop(self, options: Namespace) -> None:
        instants = poisson(options.arrival_rate, options.seed, options.run_time)
        if not options.run_time:
            instants = takewhile(lambda _: self._running(), instants)
        answers: list[gevent.Greenlet] = []
        try:
            keep(
                instants,
                lambda due: answers.append(gevent.spawn(self._send, due, options.records)),
                began=self.began,
            )
            gevent.joinall(answers)
        finally:
            gevent.killall(answers)

    def _running(self) -> bool:
        runner = self.environment.runner
        return runner is not None and runner.state in (STATE_SPAWNING, STATE_RUNNING)

    def _send(self, due: float, records: str) -> None:
        shared = self.workload
        record = send(shared.client, shared.target, next(shared.prompts), due=due, began=self.began)
        if records:
            append(record, Path(records))
        self._tell(record)

    def _tell(self, record: Record) -> None:
        """Show it in Locust's own statistics: one line for each kind of time, in milliseconds."""
        failed = StreamFailedError(record.error) if record.error else None
        times = {"total": record.total, "first token": record.first, "per token": record.per_token}
        for kind, seconds in times.items():
            if seconds is not None and (kind == "total" or failed is None):
                self.environment.events.request.fire(
                    request_type=kind,
                    name=record.scenario,
                    response_time=seconds * 1000,
                    response_length=record.output_tokens,
                    exception=failed,
                    context={},
                )


def read_prompts(environment: Environment, **_: object) -> None:
    """Called by Locust once, before its clock runs."""
    for user in _classes(environment):
        user.prompts = prompts(environment.parsed_options or Namespace(), user.scenarios)


def connect(environment: Environment, **_: object) -> None:
    """Called by Locust before the users of a test start."""
    # It would write a line for each request.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    for user in _classes(environment):
        user.workload = workload(environment.host, environment.parsed_options or Namespace(), user.prompts)


def _classes(environment: Environment) -> list[type[ScenarioUser]]:
    return [user for user in environment.user_classes if issubclass(user, ScenarioUser)]


events.init.add_listener(read_prompts)  # type: ignore[no-untyped-call]
events.test_start.add_listener(connect)  # type: ignore[no-untyped-call]
