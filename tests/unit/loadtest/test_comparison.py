"""The plan of a comparison, its figures, and what the page holds."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
from dataclasses import asdict, replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

from loadtest.comparison.figures import rows
from loadtest.comparison.page import page
from loadtest.comparison.plan import Case, Plan, Slo
from loadtest.comparison.runs import Prompts, Run, command
from loadtest.sending.record import Record

SLO = Slo(ttft_s=1.0, inter_token_s=0.1)
PLAN = Plan(("rag", "chat"), (0.5, 2.0), (3,), 10, 2, 5, 16_000, SLO)


def record(first: float | None = 0.5, **other: Any) -> Record:
    fields: dict[str, Any] = {
        "scenario": "rag",
        "key": "k",
        "due": 0.0,
        "late": 0.001,
        "first": first,
        "total": (first or 0.0) + 0.18,
        "gaps": [0.05, 0.15],
        "prompt_tokens": 50,
        "original_tokens": 100,
        "output_tokens": 3,
        "status": "compressed",
    }
    return Record(**{**fields, **other})


def run(records: list[Record], *, mode: str = "on", load: float = 0.5, round_: int = 0, loop: str = "open") -> Run:
    case = Case(loop, load, mode, round_, 0)  # type: ignore[arg-type]
    return Run(case, records, (30.0, 120.0), 1.5)


def test_on_and_off_follow_one_another_with_the_same_arrivals_and_prompts() -> None:
    pairs = list(PLAN.pairs())
    assert len(pairs) == 3 * PLAN.rounds
    for one, other in pairs:
        assert {one.mode, other.mode} == {"off", "on"}
        assert replace(one, mode="on") == replace(other, mode="on")
    assert len({one.seed for one, _ in pairs}) == len(pairs)
    # Neither is always the one that finds the machine warm.
    assert {one.mode for one, _ in pairs} == {"off", "on"}


def test_locust_gets_arrivals_in_an_open_loop_and_users_in_a_closed_one() -> None:
    def options(case: Case) -> dict[str, str]:
        argv = command(case, PLAN, "http://g", Prompts(Path("p"), 41, "mark"), Path("r"))
        return {name: value for name, value in pairwise(argv) if name.startswith("--")}

    opened, closed = options(Case("open", 2.0, "off", 0, 9)), options(Case("closed", 3.0, "on", 0, 9))
    assert (opened["--users"], opened["--arrival-rate"], opened["--mode"]) == ("1", "2.0", "off")
    assert (closed["--users"], closed["--mode"]) == ("3", "auto")
    assert "--arrival-rate" not in closed
    assert (opened["--seed"], opened["--start"], opened["--run-id"]) == ("9", "41", "mark")


def test_figures_are_of_all_rounds_together() -> None:
    runs = [
        run([record(0.4), record(0.6)]),
        run([record(2.0), record(error="status 429", first=None)], round_=1),
        run([record(3.0, status="off", original_tokens=None, prompt_tokens=100)], mode="off"),
    ]
    off, on = rows(runs, 10.0, SLO)
    assert (off["mode"], on["mode"], on["rounds"], on["requests"], on["answered"]) == ("off", "on", 2, 4, 3)
    assert on["errors"] == {"status 429": 1}
    assert on["statuses"] == {"compressed": 3}
    assert on["ttft_s"]["p50"] == 0.6
    assert on["inter_token_s"]["p50"] == 0.1
    assert on["tokens"] == {"before": 300, "forwarded": 150, "ratio": 2.0, "output": 9}
    assert off["tokens"]["ratio"] == 1.0
    # Two of four are in time, within twice ten seconds.
    assert (on["goodput_per_s"], on["good_share"], on["sent_per_s"]) == (0.1, 0.5, 0.2)
    assert on["prefix_cache"] == {"hits": 60.0, "queries": 240.0, "hit_rate": 0.25}
    assert on["by_scenario"]["rag"]["answered"] == 3


def test_an_answer_that_comes_slowly_after_its_first_token_is_not_good() -> None:
    (row,) = rows([run([record(0.5, total=0.9)])], 10.0, SLO)
    assert row["good_share"] == 0.0


def test_a_run_without_answers_has_errors_and_no_times() -> None:
    (row,) = rows([run([record(error="ConnectError", first=None)])], 10.0, SLO)
    assert row["errors"] == {"ConnectError": 1}
    assert row["ttft_s"] is row["total_s"] is row["tokens"]["ratio"] is None
    assert (row["goodput_per_s"], row["good_share"]) == (0.0, 0.0)


class Page(HTMLParser):
    """Headings, images and all addresses of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.addresses: list[str] = []
        self._in_heading = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_heading = tag in ("h1", "h2", "h3")
        if tag == "img":
            self.images.append(dict(attrs))
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self.headings.append(data)
            self._in_heading = False


def told(runs: list[Run], engine: str = "simulated") -> dict[str, Any]:
    machine = {"processor": "p", "cores": 2, "system": "s", "python": "3", "load_1_min_before": 0.1}
    context = {"commit": "", "machine": machine, "load_1_min_after": 0.2, "engine": engine, "model": "m<1>"}
    return {**context, "data": "bundled", "plan": asdict(PLAN), "rows": rows(runs, 10.0, SLO)}


SECTIONS = [
    "Time to first token",
    "Time between tokens",
    "Total time",
    "Goodput",
    "Requests and errors",
    "Tokens and prefix cache",
    "By scenario",
]


def test_the_page_has_every_section_and_needs_nothing_beside_itself() -> None:
    runs = [
        run([record()], mode=mode, load=load, loop=loop)
        for loop, load in (("open", 0.5), ("open", 2.0), ("closed", 3.0))
        for mode in ("off", "on")
    ]
    html = page(told(runs))
    found = Page(html)
    assert [heading for heading in found.headings if heading in SECTIONS] == SECTIONS * 2
    assert found.headings[-1] == "Machine"
    assert all(address.startswith("data:image/svg+xml;base64,") for address in found.addresses)
    assert len(found.images) == 8
    for image in found.images:
        assert image["alt"]
        ET.fromstring(base64.b64decode((image["src"] or "").partition(",")[2]))
    assert "model m&lt;1&gt;" in html


def test_figures_of_a_simulated_engine_are_marked() -> None:
    runs = [run([record()])]
    assert "The engine was simulated" in page(told(runs))
    assert "The engine was simulated" not in page(told(runs, engine="embedded"))


def test_the_page_tells_of_runs_without_answers_and_of_counters_that_were_not_read() -> None:
    failed = replace(run([record(error="ReadTimeout", first=None)]), cache=None)
    html = page(told([failed, run([], mode="off")]))
    assert "ReadTimeout: 1" in html
    assert "not read" in html
