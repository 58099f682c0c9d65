"""Everything the gateway raises on purpose, and the only mapping to status and OpenAI error body.

GatewayError
├── BadRequestError             400  malformed JSON, a bad field or option (``param`` names it)
├── UnauthorizedError           401  no key, or a wrong one
├── BodyTimeoutError            408  the body did not arrive in time
├── BodyTooLargeError           413  over ``max_body_bytes``
├── BodyTooComplexError         413  its parsed form would take too much memory
├── PromptTooLargeError         413  over ``max_prompt_tokens``, or over what the key may send in a minute
├── RetryLaterError                  with ``retry-after``
│   ├── RequestRateError        429  over the key's requests per minute
│   ├── TokenRateError          429  over the key's tokens per minute
│   ├── KeyBusyError            429  over the key's requests at once
│   ├── QueueFullError          429  too many requests are waiting already
│   ├── QueueWaitError          503  waited too long for its turn
│   └── MemoryFullError         503  no memory for the body now
├── ModelUnknownError           404  a model that the engine does not list
├── ClientDisconnectedError     499  nobody is there to read the answer
├── ShuttingDownError           503  the gateway stops, and the time for requests under way is up
├── CompressionUnavailableError 503  no compression now; ``reason`` says why (fails open by default)
└── EngineError
    ├── EngineUnavailableError  503  no healthy engine
    ├── EngineTimeoutError      504  the engine did not answer in time
    └── EngineConnectionError   502  the connection to the engine failed

After the first byte of a stream an error can only be an SSE event, which :func:`error_event` makes.
Anthropic's route and its clients have a body of their own form (:func:`form_of`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, ClassVar, Literal

import orjson
from semtoken import InvalidInputError, InvalidOptionError, SemTokenError
from starlette.exceptions import HTTPException
from starlette.responses import Response

ErrorForm = Literal["openai", "anthropic"]
EventForm = Literal["chunk", "response", "message"]
"""How the events of a family's streams look."""

INVALID_REQUEST = "invalid_request_error"
SERVER_ERROR = "server_error"
RATE_LIMIT = "rate_limit_error"

_ANTHROPIC_PATH = "/v1/messages"
# Anthropic's own names, by status; other statuses under 500 are an invalid request, the rest an api_error.
_ANTHROPIC_TYPES: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "request_too_large",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
    HTTPStatus.SERVICE_UNAVAILABLE: "overloaded_error",
    HTTPStatus.GATEWAY_TIMEOUT: "timeout_error",
}


class GatewayError(Exception):
    """Base of every error that the gateway raises on purpose.

    ``status`` is the HTTP status, ``code`` the machine-readable cause in the error body, and
    ``rejection`` the reason under which the request counts as refused admission, if it does.
    """

    status: ClassVar[int] = HTTPStatus.INTERNAL_SERVER_ERROR
    rejection: ClassVar[str | None] = None
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code


class BadRequestError(GatewayError):
    """The request itself is wrong and would be wrong again."""

    status = HTTPStatus.BAD_REQUEST


class BodyTooLargeError(GatewayError):
    """The body is over the limit; it was not read to its end."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    rejection = "body_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"the request body is over the limit of {limit} bytes", code="body_too_large")


class UnauthorizedError(GatewayError):
    """The request carries no key, or one that is not known."""

    status = HTTPStatus.UNAUTHORIZED
    headers: ClassVar[Mapping[str, str]] = {"www-authenticate": "Bearer"}

    def __init__(self, message: str) -> None:
        super().__init__(message, code="invalid_api_key")


class BodyTimeoutError(GatewayError):
    """The body did not arrive in time; the connection is closed, for what is left of it may come later still."""

    status = HTTPStatus.REQUEST_TIMEOUT
    rejection = "body_timeout"
    headers: ClassVar[Mapping[str, str]] = {"connection": "close"}

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"the request body did not arrive within {timeout_s:g} s", code="body_timeout")


class BodyTooComplexError(GatewayError):
    """The body is short enough, but of so many parts that its parsed form alone is over the memory for bodies."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    rejection = "body_too_complex"

    def __init__(self) -> None:
        super().__init__("the request body has too many values", code="body_too_complex")


class PromptTooLargeError(GatewayError):
    """The prompt has more tokens than are allowed, however long one waits."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    rejection = "prompt_too_large"

    def __init__(self, limit: int, tokens: int | None = None) -> None:
        has = f"more than {limit}" if tokens is None else str(tokens)
        super().__init__(f"the prompt has {has} tokens; {limit} are allowed", code="prompt_too_large")


class RetryLaterError(GatewayError):
    """Not now; ``retry_after_s`` tells when it is worth another try, in whole seconds of at least 1."""

    def __init__(self, message: str, *, code: str, retry_after_s: float) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = max(1, math.ceil(retry_after_s))


class RequestRateError(RetryLaterError):
    """The key has used up its requests of this minute."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    rejection = "request_rate"

    def __init__(self, limit: int, retry_after_s: float) -> None:
        message = f"this key may send {limit} requests a minute"
        super().__init__(message, code="rate_limit_exceeded", retry_after_s=retry_after_s)


class TokenRateError(RetryLaterError):
    """The key has used up its prompt tokens of this minute."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    rejection = "token_rate"

    def __init__(self, limit: int, retry_after_s: float) -> None:
        message = f"this key may send {limit} prompt tokens a minute"
        super().__init__(message, code="rate_limit_exceeded", retry_after_s=retry_after_s)


class KeyBusyError(RetryLaterError):
    """The key has as many requests running as it may have."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    rejection = "key_concurrency"

    def __init__(self, limit: int) -> None:
        message = f"this key may have {limit} requests running at once"
        super().__init__(message, code="rate_limit_exceeded", retry_after_s=1)


class QueueFullError(RetryLaterError):
    """The gateway is full, and so is the queue before it."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    rejection = "queue_full"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} requests are waiting already", code="overloaded", retry_after_s=2)


class QueueWaitError(RetryLaterError):
    """The gateway stayed full for too long."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    rejection = "queue_wait"

    def __init__(self, waited_s: float) -> None:
        super().__init__(f"no request came to its turn within {waited_s:g} s", code="overloaded", retry_after_s=2)


class MemoryFullError(RetryLaterError):
    """Other requests hold all the memory that there is for bodies."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    rejection = "body_memory"

    def __init__(self) -> None:
        super().__init__("there is no memory for this body now", code="overloaded", retry_after_s=2)


class ModelUnknownError(GatewayError):
    """The engine does not list this model."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self, model: str) -> None:
        super().__init__(f"the model {model!r:.200} does not exist", param="model", code="model_not_found")


class ClientDisconnectedError(GatewayError):
    """The client went away before its answer was complete."""

    status: ClassVar[int] = 499

    def __init__(self) -> None:
        super().__init__("the client closed the connection", code="client_disconnected")


class ShuttingDownError(GatewayError):
    """The gateway stops, and this request was not answered within the time that it had."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    headers: ClassVar[Mapping[str, str]] = {"retry-after": "1"}

    def __init__(self) -> None:
        super().__init__("the gateway is shutting down", code="shutting_down")


class CompressionUnavailableError(GatewayError):
    """The prompt cannot be compressed now; ``reason`` is one of a fixed set of words."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    rejection = "compression_unavailable"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"the prompt could not be compressed: {message}", code=reason)
        self.reason = reason
        self.detail = message


class EngineError(GatewayError):
    """The engine gave no answer of its own."""

    status = HTTPStatus.BAD_GATEWAY


class EngineUnavailableError(EngineError):
    """No engine is healthy."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    rejection = "no_engine"
    headers: ClassVar[Mapping[str, str]] = {"retry-after": "2"}

    def __init__(self, message: str = "no engine is available") -> None:
        super().__init__(message, code="engine_unavailable")


class EngineTimeoutError(EngineError):
    """The engine did not answer within its time limit."""

    status = HTTPStatus.GATEWAY_TIMEOUT

    def __init__(self, message: str = "the engine did not answer in time") -> None:
        super().__init__(message, code="engine_timeout")


class EngineConnectionError(EngineError):
    """The connection to the engine could not be made, or broke."""

    def __init__(self, message: str = "the connection to the engine failed") -> None:
        super().__init__(message, code="engine_connection")


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error as the client sees it."""

    status: int
    message: str
    type: str
    param: str | None = None
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """The OpenAI error body."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    @property
    def anthropic_body(self) -> dict[str, Any]:
        """The error body of Anthropic's API, with the fields of OpenAI's that it has no place for."""
        kind = _ANTHROPIC_TYPES.get(self.status, "api_error" if self.status >= 500 else INVALID_REQUEST)
        return {"type": "error", "error": {**self.body["error"], "type": kind}}

    def response(self, path: str = "") -> Response:
        """The HTTP response to a request for ``path``."""
        body = self.anthropic_body if form_of(path) == "anthropic" else self.body
        return Response(orjson.dumps(body), self.status, dict(self.headers), media_type="application/json")


def form_of(path: str) -> ErrorForm:
    """The form in which errors of a route are told."""
    return "anthropic" if path == _ANTHROPIC_PATH or path.startswith(f"{_ANTHROPIC_PATH}/") else "openai"


def answer_for(error: Exception) -> ErrorAnswer:
    """Status and body of an error; what nobody raised on purpose is a 500 that tells nothing of its inside."""
    if isinstance(error, GatewayError):
        return ErrorAnswer(
            error.status, str(error), _type_of(error.status), error.param, error.code, headers=_headers(error)
        )
    if isinstance(error, InvalidInputError | InvalidOptionError):
        return ErrorAnswer(HTTPStatus.BAD_REQUEST, str(error), INVALID_REQUEST, error.param)
    if isinstance(error, SemTokenError):
        return ErrorAnswer(HTTPStatus.SERVICE_UNAVAILABLE, str(error), SERVER_ERROR, code="compression_failed")
    if isinstance(error, HTTPException):
        return ErrorAnswer(error.status_code, error.detail, _type_of(error.status_code), headers=error.headers or {})
    return ErrorAnswer(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error of the gateway", SERVER_ERROR)


def _headers(error: GatewayError) -> Mapping[str, str]:
    if isinstance(error, RetryLaterError):
        return {**error.headers, "retry-after": str(error.retry_after_s)}
    return error.headers


def error_event(error: Exception, form: EventForm = "chunk", sequence: int = 0) -> bytes:
    """An error as one server-sent event, for a stream that has already begun and had ``sequence`` events."""
    answer = answer_for(error)
    if form == "message":
        return b"event: error\ndata: " + orjson.dumps(answer.anthropic_body) + b"\n\n"
    if form == "response":
        told = {"code": answer.code, "message": answer.message, "param": answer.param}
        # The event of OpenAI's documentation, and besides what its clients raise an exception for.
        data = {"type": "error", "sequence_number": sequence, **told, **answer.body}
        return b"event: error\ndata: " + orjson.dumps(data) + b"\n\n"
    return b"data: " + orjson.dumps(answer.body) + b"\n\n"


def _type_of(status: int) -> str:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RATE_LIMIT
    return SERVER_ERROR if status >= HTTPStatus.INTERNAL_SERVER_ERROR else INVALID_REQUEST
