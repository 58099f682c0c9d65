"""Splicing JSON: only what changes changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from semtoken_server.rewrite import append_member, replace_members

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXTS | st.sampled_from(["a", "b"]), VALUES, max_size=5)


@given(OBJECTS, st.booleans(), st.sampled_from([None, 0, 2]))
def test_members_are_replaced_and_removed_and_nothing_else(data: dict[str, Any], ascii_only: bool, indent: int) -> None:
    raw = json.dumps(data, ensure_ascii=ascii_only, indent=indent).encode()
    changed = replace_members(raw, {"a": b"[1]", "b": None})
    wanted = {name: [1] if name == "a" else value for name, value in data.items() if name != "b"}
    assert json.loads(changed) == wanted
    assert list(json.loads(changed)) == list(wanted)


def test_what_a_parser_would_alter_stays_as_it_was_written() -> None:
    raw = b' {"seed" : 123456789012345678901234567890, "x":1.50e+0,"a":2 ,"e":"\\u00e9\\/", "x": 3}\n'
    assert replace_members(raw, {"a": b"true"}) == (
        b'{"seed" : 123456789012345678901234567890,"x":1.50e+0,"a":true,"e":"\\u00e9\\/","x": 3}\n'
    )


def test_a_name_that_stands_twice_or_is_escaped_is_changed_everywhere() -> None:
    raw = b'{"semtoken":1,"k":0,"semt\\u006fken":{"ratio":2}}'
    assert replace_members(raw, {"semtoken": None}) == b'{"k":0}'


def test_a_nested_member_of_the_same_name_is_another_one() -> None:
    assert replace_members(b'{"k":{"a":1}}', {"a": None}) == b'{"k":{"a":1}}'


@given(OBJECTS.filter(lambda data: "semtoken" not in data))
def test_a_member_is_appended(data: dict[str, Any]) -> None:
    raw = json.dumps(data).encode() + b" \n"
    appended = append_member(raw, "semtoken", {"status": "off"})
    assert json.loads(appended) == {**data, "semtoken": {"status": "off"}}
    assert appended.startswith(json.dumps(data).encode()[:-1])


@pytest.mark.parametrize("raw", [b"", b"[1]", b"null", b"plain text"])
def test_nothing_is_appended_to_what_is_no_object(raw: bytes) -> None:
    assert append_member(raw, "semtoken", {}) == raw
