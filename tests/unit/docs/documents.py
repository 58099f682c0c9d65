"""The project's Markdown pages: their tables, code blocks and links."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[3]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = (README, CONTRIBUTING, *sorted(DOCS.rglob("*.md")))


@dataclass(frozen=True, slots=True)
class Block:
    """A code block."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """Where it stands."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def tokens(page: Path) -> list[Token]:
    """A page as GitHub's Markdown reads it."""
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def blocks(page: Path) -> list[Block]:
    """Every code block, fenced or indented."""
    return [
        Block(page, token.map[0] + 1 if token.map else 0, token.info.strip(), token.content)
        for token in tokens(page)
        if token.type in ("fence", "code_block")
    ]


def table_rows(page: Path, *header: str) -> list[dict[str, str]]:
    """The rows of all tables of a page that have this header, each by column."""
    rows: list[list[str]] = []
    found: list[dict[str, str]] = []
    for token in tokens(page):
        if token.type == "table_open":
            rows = []
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows:
            rows[-1].append(token.content)
        elif token.type == "table_close" and tuple(rows[0]) == header:
            found += [dict(zip(header, row, strict=True)) for row in rows[1:]]
    return found


def code_spans(page: Path) -> list[str]:
    """Every piece of inline code, in order."""
    return [token.content for token in _inline(page) if token.type == "code_inline"]


def headings(page: Path) -> list[str]:
    """The text of every heading, code and emphasis without their marks."""
    read = tokens(page)
    pairs = itertools.pairwise(read)
    inlines = [inline for opening, inline in pairs if opening.type == "heading_open"]
    return ["".join(token.content for token in inline.children or ()) for inline in inlines]


def links(page: Path) -> list[str]:
    """Where links and images point to."""
    targets = [token.attrGet("href") or token.attrGet("src") for token in _inline(page)]
    return [str(target) for target in targets if target is not None]


def codes(cell: str) -> list[str]:
    """The pieces of inline code in a table's cell."""
    (inline,) = MarkdownIt("commonmark").parseInline(cell)
    return [token.content for token in inline.children or () if token.type == "code_inline"]


def _inline(page: Path) -> Iterator[Token]:
    for token in tokens(page):
        yield from token.children or ()
