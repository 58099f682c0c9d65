"""HTML: what block tags part, and what is no HTML."""

from __future__ import annotations

import pytest
from semtoken.datamodels import UnitKind
from semtoken.segment import segment
from unit.segment.reference import of_kind, pieces

PAGE = (
    "<h2>Results</h2><p>Two seasons were played. Both were won.</p>\n"
    '<table class="wide"><tr><th>Year</th><th>Wins</th></tr><tr><td>2013</td><td>8</td></tr>'
    "<tr><td>2014</td><td>12</td></tr></table><ul><li>First note</li><li>Second note</li></ul>"
)


def test_rows_items_and_headings_are_units() -> None:
    units = segment(PAGE)
    assert "".join(pieces(units)) == PAGE
    rows = of_kind(units, UnitKind.TABLE_ROW)
    assert [row.replace("</table>", "") for row in rows] == [
        "<tr><th>Year</th><th>Wins</th></tr>",
        "<tr><td>2013</td><td>8</td></tr>",
        "<tr><td>2014</td><td>12</td></tr>",
    ]
    assert of_kind(units, UnitKind.HEADING) == ["<h2>Results</h2>"]
    assert [item.split("</li>")[0] for item in of_kind(units, UnitKind.LIST_ITEM)] == [
        "<li>First note",
        "<li>Second note",
    ]


def test_rows_hang_on_their_header() -> None:
    units = segment(PAGE)
    texts = pieces(units)
    header = texts.index("<tr><th>Year</th><th>Wins</th></tr>")
    below = [texts[i] for i in range(len(units)) if units.headings[i] == header]
    assert [row[:12] for row in below] == ["<tr><td>2013", "<tr><td>2014"]


def test_upper_case_and_spaced_out_tags_are_tags() -> None:
    text = '<Table> <Tr> <Th> A </Th> </Tr> <Tr> <Td_colspan="2"> 1 </Td> </Tr> <Tr> <Td> 2 </Td> </Tr> </Table>'
    assert len(of_kind(segment(text), UnitKind.TABLE_ROW)) == 3


@pytest.mark.parametrize(
    "text",
    [
        "The <p> tag opens a paragraph. It need not be closed.",
        "<https://a.example> and <b>bold</b> and <i>more</i> and <em>more</em> and a < b > c.",
    ],
)
def test_prose_with_a_few_tags_is_prose(text: str) -> None:
    assert {UnitKind(kind) for kind in segment(text).kinds.tolist()} == {UnitKind.SENTENCE}
