"""Whatever leaves of a JSON document stay, what stays is JSON."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semtoken.datamodels import Segmentation, UnitKind
from semtoken.segment import segment
from semtoken.segment.json_reader import MAX_NESTING, read_json
from semtoken.structure import resolve_glue
from unit.segment.reference import of_kind, pieces, resolve

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=12)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(st.text(max_size=8), inner, max_size=5)),
    max_leaves=25,
)
DOCUMENTS = st.one_of(
    st.lists(VALUES, min_size=1, max_size=6), st.dictionaries(st.text(max_size=8), VALUES, min_size=1)
)
INDENTS = st.sampled_from([None, 0, 2, "\t"])


def glued(units: Segmentation, chosen: list[int]) -> str:
    keep = np.zeros(len(units), dtype=np.bool_)
    keep[chosen] = True
    stays = resolve_glue(units, keep)
    return "".join(piece for piece, kept in zip(pieces(units), stays, strict=True) if kept)


def is_part_of(part: Any, whole: Any) -> bool:
    """Whether ``part`` is ``whole`` with elements left out."""
    if isinstance(whole, dict):
        return isinstance(part, dict) and all(key in whole and is_part_of(part[key], whole[key]) for key in part)
    if isinstance(whole, list):
        rest = iter(whole)
        return isinstance(part, list) and all(any(is_part_of(item, other) for other in rest) for item in part)
    return bool(part == whole and type(part) is type(whole))


@given(DOCUMENTS, INDENTS, st.booleans(), st.sampled_from([1, 8, 30]), st.data())
@settings(max_examples=200, deadline=None)
def test_any_choice_of_leaves_is_valid_json(
    document: Any, indent: int | str | None, ascii_only: bool, limit: int, data: st.DataObject
) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    units = segment(text, max_unit_chars=limit)
    items = np.flatnonzero(units.kinds == UnitKind.JSON_ITEM).tolist()
    if not items:  # too short to be taken for data
        return
    chosen = data.draw(st.lists(st.sampled_from(items), unique=True))
    left = glued(units, chosen)
    assert left == resolve(units, chosen)
    if chosen:
        assert is_part_of(json.loads(left), document)
    else:
        assert not left.strip()
    assert glued(units, items) == text


@given(DOCUMENTS, INDENTS, st.data())
@settings(max_examples=100, deadline=None)
def test_keep_tags_in_json_leave_valid_json(document: Any, indent: int | str | None, data: st.DataObject) -> None:
    plain = json.dumps(document, indent=indent)
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(plain))] * 2)))
    text = f"{plain[:first]}<semtoken:keep>{plain[first:last]}</semtoken:keep>{plain[last:]}"
    units = segment(text, keep_tags=True, max_unit_chars=10)
    if not (units.kinds == UnitKind.JSON_ITEM).any():
        return
    extra = data.draw(st.lists(st.sampled_from(np.flatnonzero(units.content).tolist()), unique=True))
    left = glued(units, [*np.flatnonzero(units.pinned & units.content).tolist(), *extra])
    if left.strip():
        assert is_part_of(json.loads(left), document)


def test_a_document_becomes_containers_leaves_and_commas() -> None:
    units = segment('{"a": [1, {"b": "x"}], "c": {}, "d": "long enough"}', max_unit_chars=12)
    assert pieces(units) == [
        *("{", '"a": [', "1", ", ", '{"b": "x"}', "]", ", ", '"c": {}', ", ", '"d": "long enough"', "}"),
    ]
    assert units.container_parents.tolist() == [-1, 0]
    assert units.containers.tolist() == [0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]


def test_leaves_are_atoms() -> None:
    units = segment('{"first": "aaaaaaaaaa", "second": "bbbbbbbbbb"}', max_unit_chars=25)
    assert [units.text[a:b] for a, b in units.atoms] == of_kind(units, UnitKind.JSON_ITEM)


def test_json_lines_are_an_item_each() -> None:
    lines = [json.dumps({"id": n, "text": "x" * 10}) for n in range(5)]
    units = segment("\n".join(lines))
    assert [piece.strip() for piece in of_kind(units, UnitKind.JSON_ITEM)] == lines
    kept = glued(units, np.flatnonzero(units.content)[[0, 3]].tolist())
    assert [json.loads(line)["id"] for line in kept.splitlines() if line.strip()] == [0, 3]


@pytest.mark.parametrize(
    "prose",
    ["See [1] and [2].", "{not json}", "[a, b]", '{"a": }', '{"open": [1, 2', "[1, 2, 3] are numbers.", "{}", "[]"],
)
def test_what_only_looks_like_json_is_prose(prose: str) -> None:
    assert not of_kind(segment(prose), UnitKind.JSON_ITEM)


def test_a_document_stands_between_prose() -> None:
    document = json.dumps({f"key {n}": n for n in range(40)}, indent=2)
    units = segment(f"The answer of the tool:\n\n{document}\n\nThat is all. Thank you.", max_unit_chars=50)
    assert of_kind(units, UnitKind.SENTENCE) == ["The answer of the tool:", "That is all. ", "Thank you."]
    assert len(of_kind(units, UnitKind.JSON_ITEM)) == 40
    assert len(set(units.paragraphs[units.containers >= 0])) == 1


RECORDS = [{"id": n, "name": f"N{n}", "note": f"In {1700 + n} it was repaired. Then it was sold."} for n in range(30)]
"""Each a unit, and each of a text that reads as two sentences."""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<document>", "</document>"),
        ("<tool_response>\n", "</tool_response>"),
        ("\ufeff", ""),
        ("- ", ""),
        ("1. ", "\n2. Nothing."),
        ("Rows: ", "."),
        ("Here are the results ", ""),
        ("See [1] and {it}: here ", " as of today. That is all."),
        ("rows = ", ";"),
        ("We asked.\n\nThe answer `", "` came late.\nIt helped."),
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_records_stay_whole_whatever_stands_beside_the_document(before: str, after: str, indent: int | None) -> None:
    document = json.dumps(RECORDS, indent=indent)
    units = segment(before + document + after)
    assert "".join(pieces(units)) == units.text
    records = [json.loads(piece) for piece in of_kind(units, UnitKind.JSON_ITEM)]
    assert records == RECORDS
    left = glued(units, np.flatnonzero(units.kinds == UnitKind.JSON_ITEM)[[3, 7, 29]].tolist())
    assert json.loads(left[left.index("[") :].rstrip(".;`")) == [RECORDS[3], RECORDS[7], RECORDS[29]]
    around = "".join(of_kind(units, UnitKind.SENTENCE) + of_kind(units, UnitKind.LIST_ITEM))
    assert [word for word in re.findall(r"\w+", f"{before} {after}") if word not in around] == []


def test_two_documents_on_a_line_are_two() -> None:
    first, second = json.dumps(RECORDS[:4]), json.dumps({"rows": RECORDS[4:8]})
    units = segment(f"First {first} and then {second}.", max_unit_chars=100)
    assert of_kind(units, UnitKind.SENTENCE) == ["First ", " and then "]
    assert len(of_kind(units, UnitKind.JSON_ITEM)) == 8


@pytest.mark.parametrize(
    "text",
    [
        "As [1], [2, 3] and [4] say, the rate in [0.1, 0.2, 0.5] is low, see {name}. " * 3,
        'Call it with {"a": 1, "b": [2, 3]} to get the sum. It is 6. ' * 3,
        "\n".join(f"| {n} | {json.dumps(RECORDS[0] | RECORDS[1] | {'more': 'x' * 90})} |" for n in range(4)),
        "\n".join(f"2024-01-05 10:00:0{n} INFO got {json.dumps({'note': 'x' * 140})} ok" for n in range(4)),
        "\n".join(f"{n}\tit\t{json.dumps({'note': 'x' * 140})}" for n in range(4)),
        "def f(x):\n    y = " + json.dumps([f"name {n}" for n in range(20)]) + "\n    return y",
    ],
    ids=["citations", "an example", "table", "log", "tabs", "code"],
)
def test_json_that_belongs_to_a_line_stays_in_it(text: str) -> None:
    assert not of_kind(segment(text), UnitKind.JSON_ITEM)


def test_deep_nesting_is_cut_to_a_bounded_depth() -> None:
    document: Any = "x" * 100
    for level in range(200):
        document = {"level": level, "inner": document}
    text = json.dumps(document)
    units = segment(text, max_unit_chars=20)
    assert "".join(pieces(units)) == text
    leaves = np.flatnonzero(units.kinds == UnitKind.JSON_ITEM).tolist()
    for leaf in leaves:
        assert is_part_of(json.loads(glued(units, [leaf])), document)


def nested(opening: str, closing: str, depth: int) -> str:
    return opening * depth + "1" + closing * depth


def deeper(frames: int, text: str) -> Segmentation:
    return segment(text) if frames == 0 else deeper(frames - 1, text)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_too_deeply_is_no_json_from_whatever_stack(opening: str, closing: str) -> None:
    for depth in (MAX_NESTING + 1, 700, *range(900, 1000, 2)):
        assert not of_kind(segment(nested(opening, closing, depth)), UnitKind.JSON_ITEM), depth
    for frames in (0, 300, 700):
        units = deeper(frames, nested(opening, closing, MAX_NESTING))
        assert "".join(pieces(units)) == units.text
        assert (units.kinds == UnitKind.JSON_ITEM).any()


@given(
    DOCUMENTS,
    INDENTS,
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 999), st.sampled_from('",:[]{}\\0 x')), max_size=2),
)
@settings(max_examples=300, deadline=None)
def test_json_is_read_as_the_standard_library_reads_it(
    document: Any, indent: int | str | None, ascii_only: bool, changes: list[tuple[int, str]]
) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    for number, character in changes:
        place = 1 + number % len(text)
        text = text[:place] + character + text[place + 1 :]
    found = read_json(text, 0)
    try:
        end = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode(text)[1]
    except json.JSONDecodeError:
        assert not found.valid
        assert 0 < found.end <= len(text)
    else:
        assert (found.end, found.valid) == (end, True)


def test_a_protected_comma_keeps_what_stands_after_it() -> None:
    text = '{"rows": [{"id": 1, "by": "Ann"}, {"id": 2, "by": "Bob"}], "total": 2, "more": "none at all"}'
    units = segment(text, protect=['"Bob"}],'], max_unit_chars=12)
    left = glued(units, np.flatnonzero(units.pinned & units.content).tolist())
    assert '"Bob"}],' in left
    assert "none at all" not in left
    assert is_part_of(json.loads(left), json.loads(text))
