"""Splicing JSON: only what changes changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from semtoken_server.rewrite import append_member, append_within, rewritten

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
    changed = rewritten(raw, {("a",): b"[1]", ("b",): None})
    wanted = {name: [1] if name == "a" else value for name, value in data.items() if name != "b"}
    assert json.loads(changed) == wanted
    assert list(json.loads(changed)) == list(wanted)


def test_what_a_parser_would_alter_stays_as_it_was_written() -> None:
    raw = b' {"seed" : 123456789012345678901234567890, "x":1.50e+0,"a":2 ,"e":"\\u00e9\\/", "x": 3}\n'
    assert rewritten(raw, {("a",): b"true"}) == (
        b' {"seed" : 123456789012345678901234567890, "x":1.50e+0,"a":true ,"e":"\\u00e9\\/", "x": 3}\n'
    )


def test_a_name_that_stands_twice_or_is_escaped_is_changed_everywhere() -> None:
    raw = b'{"semtoken":1,"k":0,"semt\\u006fken":{"ratio":2}}'
    assert rewritten(raw, {("semtoken",): None}) == b'{"k":0}'


def test_a_nested_member_of_the_same_name_is_another_one() -> None:
    assert rewritten(b'{"k":{"a":1}}', {("a",): None}) == b'{"k":{"a":1}}'


@given(OBJECTS.filter(lambda data: "semtoken" not in data))
def test_a_member_is_appended(data: dict[str, Any]) -> None:
    raw = json.dumps(data).encode() + b" \n"
    appended = append_member(raw, "semtoken", {"status": "off"})
    assert json.loads(appended) == {**data, "semtoken": {"status": "off"}}
    assert appended.startswith(json.dumps(data).encode()[:-1])


@pytest.mark.parametrize("raw", [b"", b"[1]", b"null", b"plain text"])
def test_nothing_is_appended_to_what_is_no_object(raw: bytes) -> None:
    assert append_member(raw, "semtoken", {}) == raw


def test_a_value_deep_inside_is_changed_and_nothing_around_it() -> None:
    raw = b'{"m": [ {"c":"x"}, {"c" : [1.0e0, {"text" : "long",\n "k":null}] , "d":1}], "m2":[]}'
    edited = rewritten(raw, {("m", 1, "c", 1, "text"): b'"short"', ("m", 0, "c"): b'"y"'})
    assert edited == b'{"m": [ {"c":"y"}, {"c" : [1.0e0, {"text" : "short",\n "k":null}] , "d":1}], "m2":[]}'


def test_a_path_that_leads_nowhere_changes_nothing() -> None:
    raw = b' {"m": "text", "n": [1, {}], "o": {"0": 5}} '
    for path in (("m", 0), ("m", "x"), ("n", 2), ("n", 1, "x"), ("o", 0), ("q",), ("n", "1")):
        assert rewritten(raw, {path: b"true"}) == raw


@pytest.mark.parametrize(
    ("raw", "left"),
    [
        (b'{"a":1}', b"{}"),
        (b'{ "a" : 1 }', b"{  }"),
        (b'{"a":1,"b":2}', b'{"b":2}'),
        (b'{"b":2 , "a":1}', b'{"b":2}'),
        (b'{"b":2,"a":1,"a":3}', b'{"b":2}'),
        (b'{"a":1,"b":2,"a":3,"c":4}', b'{"b":2,"c":4}'),
        (b'{"a":1,"a":2}', b"{}"),
    ],
)
def test_a_member_goes_with_its_comma(raw: bytes, left: bytes) -> None:
    assert rewritten(raw, {("a",): None}) == left


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], Any]:
    if isinstance(value, dict):
        return {at: leaf for name, inner in value.items() for at, leaf in leaves(inner, (*path, name)).items()}
    if isinstance(value, list):
        return {at: leaf for number, inner in enumerate(value) for at, leaf in leaves(inner, (*path, number)).items()}
    return {path: value}


@given(OBJECTS, st.booleans(), st.sampled_from([None, 0, 2]), st.data())
def test_any_leaves_may_change(data: dict[str, Any], ascii_only: bool, indent: int, draw: st.DataObject) -> None:
    raw = json.dumps(data, ensure_ascii=ascii_only, indent=indent).encode()
    found = leaves(data)
    chosen = draw.draw(st.sets(st.sampled_from(sorted(found, key=repr)))) if found else set()
    edited = json.loads(rewritten(raw, dict.fromkeys(chosen, b'"new"')))
    assert leaves(edited) == {path: "new" if path in chosen else leaf for path, leaf in found.items()}


def test_a_member_is_appended_inside_another() -> None:
    raw = b'{"type":"x", "response" : {"a" : 1.0e0 }, "z":1}'
    assert append_within(raw, "response", "s", 5) == b'{"type":"x", "response" : {"a" : 1.0e0,"s":5}, "z":1}'
    for other in (b'{"response":null}', b'{"type":1}'):
        assert append_within(other, "response", "s", 5) == other
