"""Each case in a Locust of its own: Locust patches the whole process that it runs in."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from semtoken_server.benchmark.engine_counters import EngineCounters

from loadtest.comparison.plan import HEADER, MODES, Case, Plan
from loadtest.comparison.servers import Served
from loadtest.passthrough.machine import load
from loadtest.prompts.files import read as read_prompts
from loadtest.sending.record import Record, read
from loadtest.sending.stream import TIMEOUT_S, Target, client, first_model, send

_ROOT = Path(__file__).resolve().parents[2]


class LoadFailedError(RuntimeError):
    """Locust failed, or the gateway answers nothing; the message says where to look."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """Which prompts a case sends, and what marks them."""

    file: Path
    start: int
    """Number of the first one, the same with compression on and off; after the last the first comes again."""
    mark: str
    """At each one's beginning, never the same twice: the engine's cache has nothing that begins so."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a case."""

    case: Case
    records: list[Record] = field(repr=False)
    cache: tuple[float, float] | None
    """Prompt tokens found in the engines' prefix caches and looked for; ``None`` where that was not read."""
    load_1_min: float


def run_all(plan: Plan, served: Served, prompts: Path, folder: Path, tell: Callable[[str], None]) -> Iterator[Run]:
    """All cases, one after the other; raises ``LoadFailedError``, and ``EngineError`` for counters not to be read."""
    # An engine that runs has the prompts of an earlier invocation in its cache.
    invocation = secrets.token_hex(4)
    tell("warm-up")
    _warm_up(plan, served, prompts, invocation)
    pairs = list(plan.pairs())
    start = 0
    for number, pair in enumerate(pairs, 1):
        sent = 0
        for case in pair:
            tell(f"{case.name} (pair {number} of {len(pairs)})")
            run = _run(case, plan, served, Prompts(prompts, start, f"{invocation} {case.name}"), folder)
            sent = max(sent, len(run.records))
            yield run
        # None comes again before all were sent: the gateway remembers what it encoded.
        start += sent


def command(case: Case, plan: Plan, url: str, prompts: Prompts, records: Path) -> list[str]:
    """Locust's command line. It lets what is under way at the end of ``plan.seconds`` be answered."""
    users = 1 if case.loop == "open" else round(case.load)
    argv = [sys.executable, "-m", "locust", "-f", str(_ROOT / "loadtest/scenarios/mix.py"), "--headless"]
    argv += ["--host", url, "--users", str(users), "--spawn-rate", str(users), "--run-time", f"{plan.seconds}s"]
    argv += ["--stop-timeout", f"{TIMEOUT_S:g}", "--exit-code-on-error", "0", "--only-summary"]
    argv += ["--prompts", str(prompts.file.absolute()), "--records", str(records), "--mode", HEADER[case.mode]]
    argv += ["--seed", str(case.seed), "--start", str(prompts.start), "--run-id", prompts.mark]
    return [*argv, "--arrival-rate", str(case.load)] if case.loop == "open" else argv


def _run(case: Case, plan: Plan, served: Served, prompts: Prompts, folder: Path) -> Run:
    before = _cache(served)
    records = _records(case, plan, served.url, prompts, folder)
    after = _cache(served)
    found = (after[0] - before[0], after[1] - before[1]) if before and after else None
    return Run(case, records, found, load())


def _records(case: Case, plan: Plan, url: str, prompts: Prompts, folder: Path) -> list[Record]:
    records, log = folder / f"{case.name}.jsonl", folder / f"{case.name}.log"
    records.write_bytes(b"")
    with log.open("wb") as output:
        argv = command(case, plan, url, prompts, records.absolute())
        # Its imports are found from the repository's root.
        ended = subprocess.run(argv, check=False, stdout=output, stderr=output, cwd=_ROOT)
    if ended.returncode != 0:
        raise LoadFailedError(f"Locust ended with {ended.returncode}, see {log}")
    return read(records)


def _warm_up(plan: Plan, served: Served, prompts: Path, invocation: str) -> None:
    """The first requests pay for what is loaded and compiled once; they are not measured."""
    with client(served.url) as connected:
        model = first_model(connected)
        for mode in MODES:
            for prompt in read_prompts(prompts)[-len(plan.scenarios) :]:
                target = Target(model, HEADER[mode], f"{invocation} warm-up-{mode}")
                record = send(connected, target, prompt, due=0.0, began=0.0)
                if record.error:
                    raise LoadFailedError(f"{served.url}: the first {record.scenario!r} request: {record.error}")


def _cache(served: Served) -> tuple[float, float] | None:
    if not served.engine_urls:
        return None
    counts = [EngineCounters(url).prefix_cache() for url in served.engine_urls]
    return sum(hits for hits, _ in counts), sum(queries for _, queries in counts)
