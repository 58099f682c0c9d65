"""Options of a request, from body, headers and defaults."""

from __future__ import annotations

from typing import Any

import pytest
from semtoken import CompressionOptions, InvalidOptionError
from semtoken_server.options import OptionsOf, parse_options
from starlette.datastructures import Headers


def headers(**values: str) -> Headers:
    raw = [(f"x-semtoken-{name.replace('_', '-')}".encode(), value.encode()) for name, value in values.items()]
    return Headers(raw=raw)


def test_nothing_said_means_the_contract_s_defaults() -> None:
    options = parse_options(None, headers(), {})
    assert options.compression == CompressionOptions()
    assert options.on_failure == "open"


def test_the_body_wins_over_headers_and_these_over_defaults() -> None:
    defaults = {"ratio": 2.0, "mode": "force", "stability": "document", "min_tokens": 7}
    options = parse_options({"ratio": 4}, headers(ratio="3", mode="off"), defaults).compression
    assert (options.ratio, options.mode, options.stability, options.min_tokens) == (4.0, "off", "document", 7)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("ratio", "3.5", 3.5),
        ("target_tokens", "900", 900),
        ("keep_tags", "true", True),
        ("keep_tags", "0", False),
        ("roles", "user, tool", ("user", "tool")),
        ("roles", '["tool"]', ("tool",)),
        ("protect", '["a, b", "c"]', ("a, b", "c")),
        ("query", "Où est la clé ?", "Où est la clé ?"),
        ("query", "", ""),
    ],
)
def test_headers_are_read_in_their_own_types(name: str, text: str, value: Any) -> None:
    assert getattr(parse_options(None, headers(**{name: text}), {}).compression, name) == value


@pytest.mark.parametrize("name", ["ratio", "Ratio", "RATIO"])
def test_header_names_come_in_any_case(name: str) -> None:
    assert parse_options(None, Headers(raw=[(f"X-SemToken-{name}".encode(), b"3")]), {}).compression.ratio == 3


@pytest.mark.parametrize(
    ("body", "given", "param"),
    [
        ({"ratio": 0}, {}, "ratio"),
        ({"ratio": float("inf")}, {}, "ratio"),
        ({"roles": ["user", "system"]}, {}, "roles"),
        ({"min_tokens": 1}, {}, "min_tokens"),
        ({"stages": {}}, {}, "stages"),
        ({"on_failure": ["open"]}, {}, "on_failure"),
        ({"realise": "vectors"}, {}, "realise"),
        ([1], {}, "semtoken"),
        ({}, {"ratio": "much"}, "ratio"),
        ({}, {"target_tokens": "1.5"}, "target_tokens"),
        ({}, {"keep_tags": "perhaps"}, "keep_tags"),
        ({}, {"protect": '["a'}, "protect"),
        ({}, {"status": "compressed"}, "status"),
    ],
)
def test_what_is_wrong_is_named(body: Any, given: dict[str, str], param: str) -> None:
    with pytest.raises(InvalidOptionError) as raised:
        parse_options(body, headers(**given), {})
    assert raised.value.param == param


def test_a_header_that_is_no_utf_8_is_named() -> None:
    with pytest.raises(InvalidOptionError) as raised:
        parse_options(None, Headers(raw=[(b"x-semtoken-query", b"\xff")]), {})
    assert raised.value.param == "query"


@pytest.mark.parametrize(
    ("body", "given"), [(None, {}), ({"ratio": 4}, {}), (None, {"ratio": "4"}), ({}, {"mode": "force"})]
)
def test_options_of_a_route_are_those_parsed(body: Any, given: dict[str, str]) -> None:
    defaults = {"mode": "off", "ratio": 3.0}
    for _ in range(2):
        assert OptionsOf(defaults).request(body, headers(**given)) == parse_options(body, headers(**given), defaults)


def test_a_route_with_bad_defaults_is_no_route() -> None:
    with pytest.raises(InvalidOptionError):
        OptionsOf({"ratio": 0})
