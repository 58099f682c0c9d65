"""Errors as clients see them."""

from __future__ import annotations

import json

import pytest
from semtoken import EncoderError, InvalidInputError, InvalidOptionError
from semtoken_server import errors
from semtoken_server.errors import answer_for, error_event, form_of
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


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.BadRequestError("bad"), "invalid_request_error"),
        (errors.BodyTooLargeError(5), "request_too_large"),
        (errors.ModelUnknownError("m"), "not_found_error"),
        (errors.EngineUnavailableError(), "overloaded_error"),
        (errors.EngineTimeoutError(), "timeout_error"),
        (errors.EngineConnectionError(), "api_error"),
        (HTTPException(401), "authentication_error"),
        (HTTPException(403), "permission_error"),
        (HTTPException(429), "rate_limit_error"),
        (ZeroDivisionError("secret"), "api_error"),
    ],
)
def test_anthropic_s_clients_get_errors_in_their_form(error: Exception, kind: str) -> None:
    body = json.loads(bytes(answer_for(error).response("/v1/messages").body))
    assert body["type"] == "error"
    assert body["error"]["type"] == kind
    assert body["error"]["message"]


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/v1/messages", "anthropic"),
        ("/v1/messages/count_tokens", "anthropic"),
        ("/v1/messagesx", "openai"),
        ("/v1/chat/completions", "openai"),
        ("", "openai"),
    ],
)
def test_the_form_is_the_route_s(path: str, form: str) -> None:
    assert form_of(path) == form


def test_events_of_errors_are_in_the_family_s_form() -> None:
    error = errors.EngineConnectionError("a\n\nb")
    message = error_event(error, "message").split(b"\n", 1)
    response = error_event(error, "response", 7).split(b"\n", 1)
    assert message[0] == response[0] == b"event: error"
    assert json.loads(message[1].removeprefix(b"data: "))["error"]["type"] == "api_error"
    told = json.loads(response[1].removeprefix(b"data: "))
    assert (told["type"], told["sequence_number"], told["code"]) == ("error", 7, "engine_connection")
    assert told["error"]["message"] == told["message"] == "a\n\nb"
