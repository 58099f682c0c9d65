"""The options of one request, from its body and headers over the server's defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import orjson
from semtoken import CompressionOptions, InvalidOptionError
from starlette.datastructures import Headers

HEADER_PREFIX = "x-semtoken-"

_RAW_PREFIX = HEADER_PREFIX.encode()

OnFailure = Literal["open", "closed"]


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """What a request asks of compression, and what it wants if that fails."""

    compression: CompressionOptions
    on_failure: OnFailure = "open"
    tenant: str = ""
    """Whose texts may share cached vectors with this one."""
    withheld: bool = False
    """Whether the quality contract has compression switched off: only what is over the context is compressed."""
    model: str | None = None
    """The model that the request is for: what engines must be like is asked of those that serve it."""


class Rules(Protocol):
    """What a client may ask for."""

    def check(self, asked: Mapping[str, Any]) -> None:
        """Raises ``InvalidOptionError`` naming the first option that it may not set so."""


def _flag(text: str) -> bool:
    values = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in values:
        raise ValueError("true or false")
    return values[text.lower()]


def _strings(text: str) -> Any:
    """A JSON list, or words parted by commas."""
    if text.lstrip().startswith("["):
        return orjson.loads(text)
    return [word.strip() for word in text.split(",") if word.strip()]


# Every option of the contract, with the reading of its header form. Names that the library knows
# beyond these (ablations, calibration) are not the client's to set.
_FROM_HEADER: Mapping[str, Callable[[str], Any]] = {
    "mode": str,
    "ratio": float,
    "target_tokens": int,
    "realise": str,
    "query": str,
    "stability": str,
    "roles": _strings,
    "protect": _strings,
    "keep_tags": _flag,
    "on_failure": str,
}

OPTIONS = tuple(_FROM_HEADER)
"""Names of the options that a request may set."""


class OptionsOf:
    """The options of one kind of route: what the server sets, parsed once for all requests that say nothing."""

    def __init__(self, defaults: Mapping[str, Any]) -> None:
        self._defaults = defaults
        self._silent = parse_options(None, Headers(), defaults)

    def request(self, body: Any, headers: Headers, rules: Rules | None = None) -> RequestOptions:
        """What :func:`parse_options` gives."""
        if body is None and not any(name.lower().startswith(_RAW_PREFIX) for name, _ in headers.raw):
            return self._silent
        return parse_options(body, headers, self._defaults, rules)


def parse_options(
    body: Any, headers: Headers, defaults: Mapping[str, Any], rules: Rules | None = None
) -> RequestOptions:
    """Options of a request: the body's ``semtoken`` object over ``x-semtoken-*`` headers over ``defaults``.

    Raises ``InvalidOptionError`` naming the first unknown option or bad value, or one that ``rules`` forbid.
    """
    asked = {**_header_values(headers), **_body_values(body)}
    values = {**defaults, **asked}
    on_failure = values.pop("on_failure", "open")
    if on_failure not in get_args(OnFailure):
        raise InvalidOptionError(f"on_failure: 'open' or 'closed' (got {on_failure!r:.80})", param="on_failure")
    try:
        compression = CompressionOptions.parse(values)
    except InvalidOptionError as error:
        # Inside a list the library names the element ("roles.0"); the option is what the client knows.
        raise InvalidOptionError(str(error), param=error.param.split(".", 1)[0]) from error
    if rules is not None:
        rules.check(asked)
    return RequestOptions(compression, on_failure)


def _body_values(body: Any) -> dict[str, Any]:
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise InvalidOptionError(f"semtoken: an object of options (got {body!r:.80})", param="semtoken")
    for name in body:
        _known(name)
    return body


def _header_values(headers: Headers) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for raw_name, raw_value in headers.raw:
        header = raw_name.decode("latin-1").lower()
        if not header.startswith(HEADER_PREFIX):
            continue
        name = header.removeprefix(HEADER_PREFIX).replace("-", "_")
        _known(name)
        try:
            values[name] = _FROM_HEADER[name](raw_value.decode("utf-8"))
        except ValueError as error:
            raise InvalidOptionError(
                f"{name}: bad value in header {header!r} (got {raw_value!r:.80})", param=name
            ) from error
    return values


def _known(name: str) -> None:
    if name not in _FROM_HEADER:
        raise InvalidOptionError(f"{name!r:.80} is not an option; there are {', '.join(_FROM_HEADER)}", param=name[:80])
