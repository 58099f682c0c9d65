"""Events on their way through: whole, in order, byte for byte."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from semtoken_server.errors import EngineConnectionError
from semtoken_server.families.streams import CHUNKS, MESSAGE_EVENTS, RESPONSE_EVENTS
from semtoken_server.sse import EventRelay, StreamForm

SEMTOKEN = {"status": "compressed"}
TOKEN = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
# A model may well write about its own protocol.
QUOTE = b'data: {"choices":[{"delta":{"content":"\\"choices\\":[], \\"usage\\": {}"}}]}\n\n'
RUNNING_USAGE = b'data: {"choices":[{"delta":{"content":"b"}}],"usage":{"prompt_tokens":1}}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n'
SPLICED = b'data: {"choices":[],"usage":{"prompt_tokens":1},"semtoken":{"status":"compressed"}}\n\n'
COMMENT = b": ping\r\n\r\n"
DONE = b"data: [DONE]\n\n"

TOLD = b'"semtoken":{"status":"compressed"}'
CREATED = b'event: response.created\ndata: {"type":"response.created","sequence_number":0}\n\n'
DELTA = b'event: response.output_text.delta\ndata: {"delta":"response.completed? no: error"}\n\n'
COMPLETED = b'event: response.completed\ndata: {"response":{"id":"r"},"sequence_number":3}\n\n'
COMPLETED_TOLD = b'event: response.completed\ndata: {"response":{"id":"r",%s},"sequence_number":3}\n\n' % TOLD
BEGUN = b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":1}}}\n\n'
BLOCK = b'event: content_block_delta\ndata: {"delta":{"text":"event: message_stop, error, message_delta"}}\n\n'
COUNTED = b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":1}}\n\n'
COUNTED_TOLD = b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":1},%s}\n\n' % TOLD
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


class Counted:
    def __init__(self) -> None:
        self.tokens = 0

    def events(self, count: int) -> None:
        self.tokens += count


async def relayed(chunks: Iterable[bytes], form: StreamForm = CHUNKS) -> tuple[list[bytes], int]:
    async def arriving() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    counted = Counted()
    relay = EventRelay(form, SEMTOKEN, counted)
    return [events async for events in relay.relay(arriving())], counted.tokens


@given(st.lists(st.sampled_from([TOKEN, QUOTE, RUNNING_USAGE, COMMENT]), max_size=4), st.data())
async def test_any_cutting_into_chunks_gives_the_same_events(events: Sequence[bytes], data: st.DataObject) -> None:
    stream = b"".join([*events, USAGE, DONE])
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    passed, counted = await relayed(chunks)
    assert b"".join(passed) == b"".join([*events, SPLICED, DONE])
    assert counted == sum(event is not COMMENT for event in events)


@pytest.mark.parametrize(
    ("form", "events", "told", "tokens"),
    [
        (RESPONSE_EVENTS, [CREATED, DELTA, COMMENT, DELTA, COMPLETED], COMPLETED_TOLD, 2),
        (MESSAGE_EVENTS, [BEGUN, BLOCK, COMMENT, BLOCK, COUNTED, STOP], COUNTED_TOLD, 2),
        (MESSAGE_EVENTS, [BEGUN, b"event: error\ndata: {}\n\n"], b"", 0),
        (RESPONSE_EVENTS, [CREATED, b"event: error\ndata: {}\n\n"], b"", 0),
    ],
)
@given(st.data())
async def test_named_events_however_they_are_cut(
    form: StreamForm, events: list[bytes], told: bytes, tokens: int, data: st.DataObject
) -> None:
    stream = b"".join(events)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    passed, counted = await relayed(chunks, form)
    assert b"".join(passed) == stream.replace(COMPLETED, told).replace(COUNTED, told)
    assert counted == tokens


@pytest.mark.parametrize(
    ("form", "chunks"),
    [(RESPONSE_EVENTS, [CREATED, DELTA]), (MESSAGE_EVENTS, [BEGUN, BLOCK, COUNTED]), (MESSAGE_EVENTS, [STOP[:-1]])],
)
async def test_named_events_without_the_last_were_cut(form: StreamForm, chunks: list[bytes]) -> None:
    with pytest.raises(EngineConnectionError, match="broke off"):
        await relayed(chunks, form)


async def test_named_events_with_other_ends_of_lines_are_told() -> None:
    passed, tokens = await relayed([event.replace(b"\n", b"\r\n") for event in (BLOCK, COUNTED, STOP)], MESSAGE_EVENTS)
    assert TOLD in passed[1]
    assert tokens == 1


async def test_a_last_event_that_is_no_object_passes_as_it_is() -> None:
    odd = b"event: response.completed\ndata: odd\n\n"
    assert (await relayed([odd], RESPONSE_EVENTS))[0] == [odd]


async def test_an_event_leaves_as_soon_as_it_is_whole() -> None:
    assert (await relayed([TOKEN, TOKEN[:9], TOKEN[9:] + TOKEN[:3], TOKEN[3:] + DONE]))[0] == [
        TOKEN,
        TOKEN,
        TOKEN + DONE,
    ]


@pytest.mark.parametrize("end", [b"", b"data: [DO", b'data: {"text":"data: [DONE]"}\n\n'])
async def test_a_stream_without_its_end_mark_was_cut(end: bytes) -> None:
    with pytest.raises(EngineConnectionError, match="broke off"):
        await relayed([TOKEN, end])


async def test_a_usage_chunk_with_other_spacing_is_found() -> None:
    chunk = {"id": "x", "choices": [], "usage": {"total_tokens": 3}}
    passed, _ = await relayed([b"data:" + json.dumps(chunk, indent=None).encode() + b"\n\n", DONE])
    assert json.loads(passed[0].removeprefix(b"data: ")) == {**chunk, "semtoken": SEMTOKEN}
