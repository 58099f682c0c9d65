"""What holds for every text."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semtoken.datamodels import GLUE_KINDS, Segmentation, UnitKind
from semtoken.errors import InvalidInputError, InvalidOptionError
from semtoken.segment import segment

FRAGMENTS = st.sampled_from(
    [
        *("\n", "\n\n", "\r\n", "\r", " ", "\t", ". ", "! ", "؟ ", "。", "; ", ", ", ": ", "।"),
        *("\u2028", "\x00", "\ufeff", "```\n", "~~~\n", "# Title\n", "- item ", "| a | b |\n"),
        *("|---|---|\n", "a\tb\n", "> quote\n", "Alice: hi\n", "---\n", "===\n", "Passage 1: Title\n"),
        *("2024-01-01 10:00:00 INFO x\n", "def f(x):\n    return x\n", "From: a\nTo: b\n"),
        *('{"a": [1, 2, {"b": "c"}], "d": "e"}', "[[[", "{", "}", '"', "“", "”"),
        *("https://a.b/c?d", "$3.5 million", "x_y.z"),
        *("Слово", "λέξη", "كلمة", "नमस्ते", "สวัสดี", "你好", "こんにちは", "한국어", "שלום"),
        *("e\u0301", "\u0301", "👨\u200d👩\u200d👧", "🇩🇪🇫🇷", "\ud83d\ude00", "\udc00", "\ud800", "👍🏽", "क्षि"),
        *("<semtoken:keep>", "</semtoken:keep>", "word", "Word", "lorem ipsum dolor sit amet ", "x" * 70),
    ]
)
TEXTS = st.one_of(
    st.lists(FRAGMENTS, max_size=40).map("".join),
    st.text(st.characters(exclude_categories=()), max_size=200),
)
LIMITS = st.sampled_from([1, 2, 7, 20, 50, 600])


def check_tiling(units: Segmentation, text: str) -> None:
    assert units.text == text
    assert len(units) > 0 or not text
    if text:
        assert units.starts[0] == 0
        assert units.ends[-1] == len(text)
        assert (units.ends[:-1] == units.starts[1:]).all()
        assert (units.starts < units.ends).all()
    sizes = {len(array) for array in (units.ends, units.kinds, units.paragraphs, units.sections, units.headings)}
    assert sizes | {len(units.containers), len(units.pinned)} == {len(units)}


@given(TEXTS, LIMITS, st.booleans())
@settings(max_examples=500, deadline=None)
def test_units_tile_the_text_and_the_outline_never_falls(text: str, limit: int, keep_tags: bool) -> None:
    units = segment(text, max_unit_chars=limit, keep_tags=keep_tags)
    check_tiling(units, text)
    assert (np.diff(units.paragraphs) >= 0).all()
    assert (np.diff(units.sections) >= 0).all()
    assert (units.headings < np.arange(len(units))).all()
    assert set(units.kinds[units.headings[units.headings >= 0]]) <= {UnitKind.HEADING, UnitKind.TABLE_ROW}
    assert (units.containers < max(len(units.container_parents), 1)).all()
    assert (units.container_parents < np.arange(len(units.container_parents))).all()


@given(TEXTS, LIMITS, st.booleans())
@settings(max_examples=500, deadline=None)
def test_atoms_are_sorted_disjoint_and_within_one_unit(text: str, limit: int, keep_tags: bool) -> None:
    units = segment(text, max_unit_chars=limit, keep_tags=keep_tags)
    atoms = units.atoms
    assert atoms.shape == (len(atoms), 2)
    assert (atoms[:, 0] < atoms[:, 1]).all()
    assert (atoms[:-1, 1] <= atoms[1:, 0]).all()
    owners = np.searchsorted(units.starts, atoms[:, 0], side="right") - 1
    assert (atoms[:, 1] <= units.ends[owners]).all()


@given(TEXTS, LIMITS)
@settings(max_examples=500, deadline=None)
def test_no_cut_breaks_a_grapheme(text: str, limit: int) -> None:
    units = segment(text, max_unit_chars=limit)
    for cut in units.starts[1:].tolist():
        before, after = text[cut - 1], text[cut]
        assert before + after != "\r\n"
        if before not in "\r\n":
            assert unicodedata.category(after) not in ("Mn", "Mc", "Me"), (text, cut)
            assert "\u200d" not in before + after
            assert not ("\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff")


@given(TEXTS, LIMITS, st.data())
@settings(max_examples=300, deadline=None)
def test_units_that_a_pin_overlaps_are_pinned_and_no_others(text: str, limit: int, data: st.DataObject) -> None:
    edges = data.draw(st.lists(st.tuples(*[st.integers(0, len(text))] * 2).map(sorted), max_size=3))
    pins = [(edge[0], edge[1]) for edge in edges]
    units = segment(text, pins=pins, max_unit_chars=limit)
    content = ~np.isin(units.kinds, GLUE_KINDS)
    for start, end, pinned, plain in zip(units.starts, units.ends, units.pinned, content, strict=True):
        if plain and not len(units.container_parents):
            assert pinned == any(a < end and b > start and a < b for a, b in pins)
        elif plain and any(a < end and b > start and a < b for a, b in pins):
            assert pinned


@given(st.lists(FRAGMENTS, max_size=30), st.lists(FRAGMENTS, min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_every_occurrence_of_a_protected_string_is_pinned(parts: list[str], protect: list[str]) -> None:
    text = "".join(parts)
    units = segment(text, protect=protect, max_unit_chars=20)
    for string in protect:
        position = text.find(string)
        while position >= 0:
            touched = (units.starts < position + len(string)) & (units.ends > position)
            assert units.pinned[touched & units.content].all()
            position = text.find(string, position + 1)


@given(TEXTS, LIMITS)
@settings(max_examples=150, deadline=None)
def test_the_same_text_gives_the_same_units(text: str, limit: int) -> None:
    first, second = segment(text, max_unit_chars=limit), segment(text, max_unit_chars=limit)
    assert first.starts.tolist() == second.starts.tolist()
    assert first.atoms.tolist() == second.atoms.tolist()


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_only_what_is_never_cut_is_longer_than_a_unit(text: str) -> None:
    limit = 40
    units = segment(text, max_unit_chars=limit)
    for start, end, kind in zip(units.starts, units.ends, units.kinds, strict=True):
        piece = text[start:end]
        whole = kind in (UnitKind.JSON_ITEM, UnitKind.SEPARATOR, UnitKind.STRUCTURE) or "```" in piece or "~~~" in piece
        # White space before the text and one line break belong to a unit beyond its limit; so does a grapheme.
        assert whole or len(piece.strip()) <= limit + 4 or any(unicodedata.category(c).startswith("M") for c in piece)


@pytest.mark.parametrize("pin", [(-1, 2), (3, 2), (0, 99)])
def test_a_bad_pin_is_named(pin: tuple[int, int]) -> None:
    with pytest.raises(InvalidInputError, match=str(pin[1])):
        segment("text", pins=[pin])


def test_bad_options_are_named() -> None:
    with pytest.raises(InvalidOptionError, match="0") as raised:
        segment("text", max_unit_chars=0)
    assert raised.value.param == "max_unit_chars"
    with pytest.raises(InvalidOptionError, match="empty") as raised:
        segment("text", protect=["a", ""])
    assert raised.value.param == "protect"
