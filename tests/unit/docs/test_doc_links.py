"""Links in README.md and docs/ to files and headings of the repository lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from unit.docs.documents import DOCS, PAGES, README, ROOT, headings, links

LINKS = [(page, link) for page in PAGES for link in links(page) if not urlsplit(link).scheme]


@pytest.mark.parametrize(("page", "link"), LINKS, ids=[f"{page.relative_to(ROOT)}-{link}" for page, link in LINKS])
def test_a_link_leads_somewhere(page: Path, link: str) -> None:
    parts = urlsplit(link)
    assert not parts.netloc
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    assert target.is_relative_to(ROOT)
    assert target.exists()
    if parts.fragment:
        assert unquote(parts.fragment) in {anchor(heading) for heading in headings(target)}


def anchor(heading: str) -> str:
    """A heading's anchor as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_the_readme_leads_to_every_page() -> None:
    targets = [(README.parent / urlsplit(link).path).resolve() for page, link in LINKS if page == README]
    for page in DOCS.rglob("*.md"):
        assert any(target in (page, *page.parents) and target != ROOT for target in targets), page
