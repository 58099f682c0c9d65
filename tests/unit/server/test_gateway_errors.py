"""Errors as clients see them."""

from __future__ import annotations

import json

import pytest
from semtoken import EncoderError, InvalidInputError, InvalidOptionError
from semtoken_server import errors
from semtoken_server.errors import answer_for, error_event
from starlette.exceptions import HTTPException


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (errors.BadRequestError("bad", param="p"), 400, "invalid_request_error"),
        (errors.BodyTooLargeError(5), 413, "invalid_request_error"),
        (errors.ModelUnknownError("m"), 404, "invalid_request_error"),
        (errors.CompressionUnavailableError("deadline", "late"), 503, "server_error"),
        (errors.EngineUnavailableError(), 503, "server_error"),
        (errors.EngineTimeoutError(), 504, "server_error"),
        (errors.EngineConnectionError(), 502, "server_error"),
        (InvalidInputError("bad", param="p"), 400, "invalid_request_error"),
        (InvalidOptionError("bad", param="p"), 400, "invalid_request_error"),
        (EncoderError("boom"), 503, "server_error"),
        (HTTPException(405), 405, "invalid_request_error"),
    ],
)
def test_every_error_has_its_status_and_type(error: Exception, status: int, kind: str) -> None:
    answer = answer_for(error)
    assert (answer.status, answer.type) == (status, kind)
    assert set(answer.body["error"]) == {"message", "type", "param", "code"}


def test_a_fault_of_ours_tells_nothing_of_the_inside() -> None:
    answer = answer_for(ZeroDivisionError("secret"))
    assert answer.status == 500
    assert "secret" not in json.dumps(answer.body)


def test_an_error_in_a_stream_is_one_event() -> None:
    event = error_event(errors.EngineConnectionError("line\n\nbreaks"))
    assert event.count(b"\n\n") == 1
    assert json.loads(event.removeprefix(b"data: "))["error"]["message"] == "line\n\nbreaks"
