"""Which options a key may set, and to what."""

from __future__ import annotations

from typing import Any

import pytest
from semtoken import InvalidOptionError
from semtoken_server.access.rules import OptionRules
from semtoken_server.options import _FROM_HEADER, OptionsOf
from semtoken_server.settings import CompressionDefaults
from starlette.datastructures import Headers

OPTIONS = OptionsOf(CompressionDefaults().model_dump())
EVERY: dict[str, Any] = {
    "mode": "off",
    "ratio": 3.0,
    "target_tokens": 100,
    "realise": "text",
    "query": "who?",
    "stability": "document",
    "roles": ["user"],
    "protect": ["a"],
    "keep_tags": True,
    "on_failure": "closed",
}


def test_there_is_a_rule_for_every_option() -> None:
    assert set(OptionRules.model_fields) == set(_FROM_HEADER) == set(EVERY)


def test_nothing_is_forbidden_unless_it_is_said() -> None:
    OPTIONS.request(EVERY, Headers(), OptionRules())


@pytest.mark.parametrize("name", EVERY)
def test_each_option_can_be_forbidden(name: str) -> None:
    for rules in (OptionRules.none(), OptionRules.model_validate({name: False})):
        with pytest.raises(InvalidOptionError) as raised:
            OPTIONS.request({name: EVERY[name]}, Headers(), rules)
        assert raised.value.param == name
        OPTIONS.request(None, Headers(), rules)


@pytest.mark.parametrize(
    ("rule", "allowed", "forbidden"),
    [
        ({"mode": ["auto", False]}, {"mode": "off"}, {"mode": "force"}),
        ({"ratio": {"max": 4}}, {"ratio": 4.0}, {"ratio": 4.1}),
        ({"ratio": {"min": 2}}, {"ratio": 20.0}, {"ratio": 1.9}),
        ({"target_tokens": {"min": 100}}, {"target_tokens": None}, {"target_tokens": 99}),
        ({"realise": ["text"]}, {"realise": "text"}, {"realise": "embeds"}),
        ({"roles": ["tool"]}, {"roles": ["tool"]}, {"roles": ["user", "tool"]}),
        ({"on_failure": ["open"]}, {"on_failure": "open"}, {"on_failure": "closed"}),
    ],
)
def test_an_option_can_be_narrowed(rule: dict[str, Any], allowed: dict[str, Any], forbidden: dict[str, Any]) -> None:
    rules = OptionRules.model_validate(rule)
    OPTIONS.request(allowed, Headers(), rules)
    with pytest.raises(InvalidOptionError) as raised:
        OPTIONS.request(forbidden, Headers(), rules)
    assert [raised.value.param] == list(rule)


def test_headers_are_no_way_around() -> None:
    rules = OptionRules.model_validate({"ratio": {"max": 4}, "keep_tags": False})
    for name, value in (("ratio", "5"), ("keep-tags", "true")):
        with pytest.raises(InvalidOptionError):
            OPTIONS.request(None, Headers({f"x-semtoken-{name}": value}), rules)


def test_a_value_that_is_none_is_told_as_such() -> None:
    with pytest.raises(InvalidOptionError, match="greater than or equal to 1"):
        OPTIONS.request({"ratio": 0.0}, Headers(), OptionRules.model_validate({"ratio": {"max": 4}}))
