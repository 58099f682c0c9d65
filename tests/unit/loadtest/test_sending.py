"""Arrivals that no answer moves, and what is recorded of an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest

from loadtest.prompts.prompt import Prompt
from loadtest.sending.arrivals import keep, poisson
from loadtest.sending.record import Record, append, read
from loadtest.sending.stream import Target, send

PROMPT = Prompt("chat", "c/1", [{"role": "user", "content": "Why?"}], 8)


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_arrivals_are_those_of_their_seed_and_rate() -> None:
    instants = list(poisson(5.0, 3, 2_000.0))
    assert instants == list(poisson(5.0, 3, 2_000.0))
    assert instants != list(poisson(5.0, 4, 2_000.0))
    assert instants == sorted(instants)
    assert instants[0] > 0
    assert instants[-1] < 2_000.0
    # 10,000 are expected; the deviation of a Poisson count is its root.
    assert abs(len(instants) - 10_000) < 500
    assert list(islice(poisson(5.0, 3), len(instants))) == instants


def test_a_rate_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"-1\.0"):
        poisson(-1.0, 0)


def test_requests_start_at_the_planned_instants_though_none_is_answered() -> None:
    clock, started = Clock(), list[tuple[float, float]]()
    planned = list(poisson(2.0, 1, 30.0))
    # What is started never ends: nothing here could tell the loop of an answer.
    keep(planned, lambda due: started.append((due, clock.now)), began=clock.now, clock=clock, sleep=clock.sleep)
    assert [due for due, _ in started] == [1_000.0 + instant for instant in planned]
    assert [now for _, now in started] == pytest.approx([due for due, _ in started])


def test_a_generator_that_is_behind_keeps_the_planned_instants() -> None:
    """Its own delay counts as the requests' latency, not against the plan."""
    clock, started = Clock(), list[tuple[float, float]]()

    def stall(due: float) -> None:
        started.append((due, clock.now))
        clock.now += 10.0

    keep([1.0, 2.0, 3.0], stall, began=clock.now, clock=clock, sleep=clock.sleep)
    assert started == [(1_001.0, 1_001.0), (1_002.0, 1_011.0), (1_003.0, 1_021.0)]


def event(**fields: Any) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def text(piece: str) -> bytes:
    return event(choices=[{"delta": {"content": piece}}])


END = event(choices=[], usage={"prompt_tokens": 40, "completion_tokens": 3}) + b"data: [DONE]\n\n"
HEADERS = {
    "x-semtoken-status": "compressed",
    "x-semtoken-original-tokens": "100",
    "x-semtoken-compress-ms": "7.5",
}


def sent(answer: httpx.Response | Exception, mode: str = "auto") -> tuple[Record, list[httpx.Request]]:
    requests: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with httpx.Client(base_url="http://gateway", transport=httpx.MockTransport(handle)) as client:
        record = send(client, Target("m", mode, "r"), PROMPT, due=0.0, began=0.0)
    return record, requests


def test_a_whole_answer_is_recorded() -> None:
    body = event(choices=[{"delta": {"role": "assistant", "content": ""}}]) + text("a") + text("b") + text("c") + END
    record, (request,) = sent(httpx.Response(200, content=body, headers=HEADERS))
    assert request.headers["x-semtoken-mode"] == "auto"
    assert json.loads(request.content) == PROMPT.body("m", "r", ignore_eos=True)
    assert record.error == ""
    assert (record.prompt_tokens, record.before, record.output_tokens) == (40, 100, 3)
    assert (record.status, record.compress_ms) == ("compressed", 7.5)
    assert len(record.gaps) == 2
    assert record.first is not None
    assert record.per_token == (record.total - record.first) / 2


def test_without_a_mode_the_gateway_decides_and_without_a_gateway_the_engine_counts() -> None:
    record, (request,) = sent(httpx.Response(200, content=text("a") + END), mode="")
    assert "x-semtoken-mode" not in request.headers
    assert (record.before, record.status) == (40, "")


def failures() -> Iterator[tuple[httpx.Response | Exception, str]]:
    yield httpx.Response(429, json={}), "status 429"
    yield httpx.Response(200, content=text("a")), "cut stream"
    yield httpx.Response(200, content=text("a") + event(error={"message": "no"}) + END), "error event"
    yield httpx.Response(200, content=b"data: {\n\n" + END), "malformed event"
    yield httpx.Response(200, content=END), "no text"
    yield httpx.ConnectError("refused"), "ConnectError"
    yield httpx.ReadTimeout("late"), "ReadTimeout"


@pytest.mark.parametrize(
    ("answer", "kind"), list(failures()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_goes_wrong_has_a_kind(answer: httpx.Response | Exception, kind: str) -> None:
    record, _ = sent(answer)
    assert record.error == kind


def test_records_are_the_same_after_their_file(tmp_path: Path) -> None:
    record, _ = sent(httpx.Response(200, content=text("a") + text("b") + END))
    for _ in range(2):
        append(record, tmp_path / "records.jsonl")
    assert read(tmp_path / "records.jsonl") == [record, record]
