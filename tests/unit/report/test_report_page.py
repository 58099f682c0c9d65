"""The HTML page of a compression."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from semtoken.datamodels import CompressionResult, Decision, Reason, Span, Status
from semtoken.report import render_html


def result(text: str, cuts: list[int], decisions: list[Decision]) -> CompressionResult:
    """A result whose spans lie between ``cuts``; of a thinned span the first half stays."""
    bounds = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    spans, kept = [], []
    for index, (start, end) in enumerate(pairwise(bounds)):
        decision = decisions[index % len(decisions)]
        spans.append(Span(start, end, decision, 0.25, 0.5))
        if decision in (Decision.KEEP, Decision.PINNED):
            kept.append((start, end))
        elif decision is Decision.THIN and (half := (start + end) // 2) > start:
            kept.append((start, half))
    forwarded = "".join(text[start:end] for start, end in kept)
    return CompressionResult(
        original=text,
        text=forwarded,
        token_ids=tuple(range(len(forwarded))),
        original_tokens=len(text),
        status=Status.COMPRESSED,
        reason=Reason.OK,
        spans=tuple(spans),
        kept=tuple(kept),
        timings_ms={"encode": 1.5, "total": 2.0},
    )


class Page(HTMLParser):
    """The text shown, piece by piece, with the class of the innermost element."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[tuple[str, str]] = []
        self.titles: list[str] = []
        self.tags: set[str] = set()
        self._inside = 0
        self._classes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.add(tag)
        if values.get("id") == "text":
            self._inside = 1
        elif self._inside:
            self._inside += 1
            self._classes.append(values.get("class") or "")
            if values.get("title"):
                self.titles.append(str(values["title"]))

    def handle_endtag(self, tag: str) -> None:
        if self._inside:
            self._inside -= 1
            if self._classes:
                self._classes.pop()

    def handle_data(self, data: str) -> None:
        if self._inside and self._classes:
            self.pieces.append((self._classes[-1], data))


def parsed(html: str) -> Page:
    page = Page()
    page.feed(html)
    return page


# Without the control characters that no HTML parser hands back as they were.
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"), min_size=1, max_size=200)


@given(TEXTS, st.lists(st.integers(0, 500), max_size=12), st.lists(st.sampled_from(Decision), min_size=1))
def test_the_page_shows_the_whole_original_and_marks_what_stayed(
    text: str, cuts: list[int], decisions: list[Decision]
) -> None:
    made = result(text, cuts, decisions)
    page = parsed(render_html(made))
    assert "".join(piece for _, piece in page.pieces) == text
    assert "".join(piece for name, piece in page.pieces if name.endswith(" in")) == made.text
    assert len(page.titles) == len(made.spans)


def test_text_and_query_are_escaped() -> None:
    hostile = '<script>alert(1)</script> & "quotes" {{ 7 * 7 }} </div>'
    html = render_html(result(hostile, [9], [Decision.KEEP, Decision.DROP]), query="<img src=x onerror=alert(1)>")
    assert not parsed(html).tags & {"script", "img"}
    assert "&lt;img src=x" in html
    assert "{{ 7 * 7 }}" in html


def test_scores_and_decisions_can_be_reached_by_mouse_and_keyboard() -> None:
    html = render_html(result("One. Two. Three.", [5, 10], [Decision.KEEP, Decision.MERGE, Decision.PINNED]))
    titles = parsed(html).titles
    assert "density 0.250, relevance 0.500" in titles[0]
    assert ["kept" in titles[0], "twin" in titles[1], "pinned" in titles[2]] == [True, True, True]
    assert html.count('tabindex="0"') == 3


def test_the_page_loads_nothing_and_knows_both_themes() -> None:
    html = render_html(result("One. Two.", [5], [Decision.KEEP, Decision.DROP]))
    assert "default-src 'none'" in html
    assert "http://" not in html
    assert "https://" not in html
    assert "prefers-color-scheme: dark" in html


def test_an_empty_text_is_a_page_too() -> None:
    assert "nothing_to_compress" in render_html(
        CompressionResult("", "", (), 0, Status.SKIPPED, Reason.NOTHING_TO_COMPRESS, (), (), {})
    )
