"""Models and counts of tokens out of answers, whatever the engine sends."""

from __future__ import annotations

import pytest
from semtoken_server.tracing.usage import Usage, usage_of

KNOWN = Usage("m", 7, 3)


@pytest.mark.parametrize(
    "document",
    [
        b'{"model": "m", "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}',
        b'data: {"model": "m", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}',
        b'event: message_delta\ndata: {"model": "m", "usage": {"input_tokens": 7, "output_tokens": 3}}',
        b'event: message_delta\r\ndata:{"message": {"model": "m"}, "usage": {"input_tokens": 7, "output_tokens": 3}}',
        b"event: response.completed\n"
        b'data: {"response": {"model": "m", "usage": {"input_tokens": 7, "output_tokens": 3}}}',
    ],
)
def test_all_families_tell_it(document: bytes) -> None:
    assert usage_of(document) == KNOWN


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{",
        b"data: [DONE]",
        b": comment",
        b"[1]",
        b'{"usage": 7, "model": 3, "response": []}',
        b'{"usage": {"prompt_tokens": "7", "completion_tokens": null}}',
        b"\xff\xfe",
    ],
)
def test_what_tells_nothing_is_nothing(document: bytes) -> None:
    assert usage_of(document) == Usage()
