"""A request's body: in time, counted as it comes, and parsed only where there is room for what comes of it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from typing import Any

import orjson
import pytest
from semtoken_server.access.body_clock import BodyClock
from semtoken_server.access.gate import Gate
from semtoken_server.access.hold import Hold, keep, require_parsable
from semtoken_server.bodies import read_json, reject_forbidden
from semtoken_server.errors import BodyTimeoutError, BodyTooComplexError, MemoryFullError
from starlette.requests import Request
from starlette.types import Message

MAX_BYTES = 1000


async def hold(announced: int | None = None, max_bytes: int = MAX_BYTES, timeout_s: float = 30.0) -> tuple[Hold, Gate]:
    gate = Gate(max_concurrent=1, max_bytes=max_bytes, max_queue=0, wait_s=1.0)
    await gate.enter(announced or 0)
    return Hold(gate, announced, BodyClock(timeout_s)), gate


def chunk(size: int, more: bool = True) -> Message:
    return {"type": "http.request", "body": b"x" * size, "more_body": more}


def receiving(*messages: Message) -> Any:
    left = list(messages)

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return receive


async def test_chunks_are_counted_as_they_come_and_given_back() -> None:
    held, gate = await hold()
    read = held.reader(receiving(chunk(600), chunk(300), chunk(200)))
    await read()
    await read()
    assert gate.held_bytes == 900
    with pytest.raises(MemoryFullError):
        await read()
    held.leave()
    assert (gate.inside, gate.held_bytes) == (0, 0)


async def test_an_announced_body_is_counted_once() -> None:
    held, gate = await hold(announced=700)
    await held.reader(receiving(chunk(700, more=False)))()
    assert gate.held_bytes == 700
    held.leave()
    assert gate.held_bytes == 0


async def test_a_body_that_does_not_arrive_is_given_up() -> None:
    held, _ = await hold(timeout_s=0.05)
    read = held.reader(receiving(chunk(1)))
    await read()
    with pytest.raises(BodyTimeoutError):
        await read()


async def test_who_is_cancelled_by_others_is_not_late() -> None:
    held, _ = await hold()
    reading = asyncio.ensure_future(held.reader(receiving())())
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_late_bodies_are_given_up_and_the_others_go_on() -> None:
    clock = BodyClock(0.2)
    gate = Gate(max_concurrent=10, max_bytes=100, max_queue=0, wait_s=1.0)
    late = [asyncio.ensure_future(Hold(gate, 0, clock).reader(receiving())()) for _ in range(3)]
    results = await asyncio.gather(*late, return_exceptions=True)
    assert [type(result) for result in results] == [BodyTimeoutError] * 3
    # The clock has stopped, and starts again.
    await asyncio.sleep(0.1)
    assert (await Hold(gate, 0, clock).reader(receiving(chunk(1, more=False)))())["body"] == b"x"
    with pytest.raises(BodyTimeoutError):
        await Hold(gate, 0, clock).reader(receiving())()


async def test_once_the_body_is_whole_there_is_no_hurry() -> None:
    held, _ = await hold(timeout_s=0.05)
    read = held.reader(receiving(chunk(1, more=False)))
    await read()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await read()


def request_of(raw: bytes, held: Hold) -> Request:
    scope: dict[str, Any] = {"type": "http", "headers": [], "state": {}}
    keep(scope, held)
    return Request(scope, receiving({"type": "http.request", "body": raw, "more_body": False}))


async def test_what_would_be_too_much_parsed_is_not_parsed() -> None:
    held, gate = await hold(max_bytes=100_000)
    with pytest.raises(BodyTooComplexError):
        await read_json(request_of(b'{"a": [' + b"[]," * 2_000 + b"[]]}", held), 10**6)
    assert gate.held_bytes == 0


async def test_punctuation_inside_of_text_is_no_value() -> None:
    held, gate = await hold(max_bytes=100_000)
    text = '[{"a": "b", \\"}], ' * 2_000
    body = await read_json(request_of(orjson.dumps({"text": text}), held), 10**6)
    assert body.data["text"] == text
    assert 0 < gate.held_bytes < 1_000


async def test_parsed_forms_of_several_share_the_room() -> None:
    held, _ = await hold(max_bytes=100_000)
    raw = b'{"a": [' + b"1," * 1_000 + b"1]}"
    await read_json(request_of(raw, held), 10**6)
    with pytest.raises(MemoryFullError):
        await read_json(request_of(raw, held), 10**6)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":[' + b"[]," * 20_000 + b"[]]}",
        b'{"a":[' + b"{}," * 20_000 + b"{}]}",
        b'{"a":[' + b'{"b":1},' * 20_000 + b"{}]}",
        b'{"a":[' + b"[[1],2]," * 20_000 + b"[]]}",
        b'{"a":[' + b'"xy",' * 20_000 + b"1]}",
        b'{"a":[' + b"123456," * 20_000 + b"1]}",
        b"{" + b",".join(b'"key%d":"v"' % number for number in range(20_000)) + b"}",
    ],
)
def test_the_estimates_are_not_far_below_what_it_takes(raw: bytes) -> None:
    data = orjson.loads(raw)
    assert reject_forbidden(data) > 0.6 * deep_size(data)


def deep_size(value: Any) -> int:
    size = sys.getsizeof(value)
    if isinstance(value, dict):
        return size + sum(deep_size(inner) for inner in value.values())
    return size + sum(map(deep_size, value)) if isinstance(value, list) else size


@pytest.mark.parametrize("unit", [b'"', b'\\"', b"[", b'"\\', b'",', b'{"'])
def test_looking_for_values_is_linear_in_whatever_comes(unit: bytes) -> None:
    """Quadratic time would be hours."""
    scope: dict[str, Any] = {"state": {}}
    keep(scope, Hold(Gate(max_concurrent=1, max_bytes=1, max_queue=0, wait_s=1.0), 0, BodyClock(1.0)))
    began = time.monotonic()
    with contextlib.suppress(BodyTooComplexError):
        require_parsable(scope, b"[" + unit * (2**22 // len(unit)))
    assert time.monotonic() - began < 60
