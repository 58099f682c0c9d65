"""Pinned ranges, protected strings and keep tags."""

from __future__ import annotations

import pytest
from semtoken.datamodels import Segmentation, UnitKind
from semtoken.segment import segment
from unit.segment.reference import of_kind, pieces

TEXT = "The first. The second.\n\nThe third. The fourth."


def pinned(units: Segmentation) -> list[str]:
    return [piece for piece, pin in zip(pieces(units), units.pinned, strict=True) if pin]


def without_tags(text: str) -> str:
    return text.replace("<semtoken:keep>", "").replace("</semtoken:keep>", "")


def test_a_pin_holds_every_unit_that_it_overlaps_and_no_neighbour() -> None:
    start = TEXT.index("second")
    assert pinned(segment(TEXT, pins=[(start, start + 1)])) == ["The second."]
    across = segment(TEXT, pins=[(start, TEXT.index("third") + 1)])
    assert pinned(across) == ["The second.", "\n\n", "The third. "]
    edge = TEXT.index("The second")
    assert pinned(segment(TEXT, pins=[(0, edge)])) == ["The first. "]
    assert pinned(segment(TEXT, pins=[(edge, edge)])) == []


def test_every_occurrence_of_a_protected_string_pins() -> None:
    assert pinned(segment(TEXT, protect=["second", "fourth", "fifth"])) == ["The second.", "The fourth."]
    assert pinned(segment(TEXT, protect=["first. The"])) == ["The first. ", "The second."]
    assert pinned(segment("An aXaXa. Bye.", protect=["aXa"])) == ["An aXaXa. "]


def test_protected_text_inside_json_pins_leaves() -> None:
    units = segment('{"first": "aaaaaaaaaa", "second": "bbbbbbbbbb"}', protect=[", ", '{"'], max_unit_chars=25)
    assert len(units.container_parents) == 1
    # The comma holds only between two leaves.
    assert pinned(units) == ['"first": "aaaaaaaaaa"', '"second": "bbbbbbbbbb"']


def test_tags_pin_what_they_enclose_and_are_units_of_their_own() -> None:
    text = "One. <semtoken:keep>Two. Three.</semtoken:keep> Four."
    units = segment(text, keep_tags=True)
    assert of_kind(units, UnitKind.TAG) == ["<semtoken:keep>", "</semtoken:keep>"]
    assert pinned(units) == ["Two. ", "Three.", " "]
    assert "".join(pieces(units)) == text


def test_tags_are_plain_text_when_off_or_without_a_partner() -> None:
    text = "One. <semtoken:keep>Two.</semtoken:keep> Three."
    assert not of_kind(segment(text), UnitKind.TAG)
    for lone in ("One. <semtoken:keep>Two.", "One.</semtoken:keep> Two.", "</semtoken:keep>One.<semtoken:keep>"):
        units = segment(lone, keep_tags=True)
        assert not of_kind(units, UnitKind.TAG)
        assert not units.pinned.any()


def test_nested_tags_pin_from_the_outermost() -> None:
    units = segment(
        "<semtoken:keep>A one. <semtoken:keep>B two.</semtoken:keep> C three.</semtoken:keep> D four.", keep_tags=True
    )
    assert len(of_kind(units, UnitKind.TAG)) == 4
    assert "".join(pinned(units)).split() == ["A", "one.", "B", "two.", "C", "three."]


def test_a_tag_inside_a_sentence_cuts_it_and_pins_all_of_it() -> None:
    text = "The code is <semtoken:keep>4711</semtoken:keep> for today. Nothing else."
    units = segment(text, keep_tags=True)
    assert pinned(units) == ["The code is ", "4711", " for today. "]


@pytest.mark.parametrize("text", ["# Head\n\nOne. <semtoken:keep>Two.\n\nThree.</semtoken:keep>\n\n- item\n", TEXT])
def test_without_its_tags_a_text_has_the_same_outline(text: str) -> None:
    tagged, plain = segment(text, keep_tags=True), segment(without_tags(text))
    body = [piece for piece, kind in zip(pieces(tagged), tagged.kinds, strict=True) if kind != UnitKind.TAG]
    assert body == pieces(plain)


def test_pins_count_from_the_text_with_its_tags() -> None:
    text = "One. <semtoken:keep>Two.</semtoken:keep> Three. Four."
    start = text.index("Three")
    units = segment(text, pins=[(start, start + 5)], keep_tags=True)
    assert "".join(pinned(units)).split() == ["Two.", "Three."]


def test_a_fence_with_tags_inside_stays_whole() -> None:
    text = "```\na = 1\n<semtoken:keep>b = 2</semtoken:keep>\n```"
    units = segment(text, keep_tags=True)
    kept = "".join(piece for piece, kind in zip(pieces(units), units.kinds, strict=True) if kind != UnitKind.TAG)
    assert kept == "```\na = 1\nb = 2\n```"
    assert units.pinned[units.content].all()
