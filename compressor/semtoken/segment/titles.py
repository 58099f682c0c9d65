"""Titles without mark-up: a short line alone, or one that counts (``Passage 3: …``, ``Chapter II``)."""

from __future__ import annotations

import re

from semtoken.segment.lines import LineKind, Lines

NUMBERED_LEVEL = 7
"""Below every level of mark-up."""
TITLE_LEVEL = 8

_MAX_CHARS = 100
_MAX_COLUMNS = 100
_MAX_WORDS = 14
_CLOSING = tuple(".!?,;:。！？；，：؟۔।…")
_QUOTES = "\"'”’»」』)]"
_WIDE = re.compile(r"[\u3000-\u9fff\uac00-\ud7af]")
# A sentence that ends inside the line; abbreviations are shorter.
_INNER_END = re.compile(r"[!?。！？؟۔।…]|[^\W\d_]{4,}\.\s|[.!?,][\"”’»]")
_NUMBERED = re.compile(
    r"\s{0,4}(?:\*\*)?(?:(?:Passage|Document|Doc|Section|Chapter|Article|Part|Appendix|Annex|Exhibit|Book|Act|Scene|Paper|Source"
    r"|Context|Text|Example|Review|Dialogue|Kapitel|Abschnitt|Chapitre|Capítulo|Глава|Раздел|PASSAGE|DOCUMENT|SECTION|CHAPTER"
    r"|ARTICLE|PART|APPENDIX|EXHIBIT|BOOK)\s?[\[(#]?(?:\d{1,4}(?:\.\d{1,3}){0,4}|[IVXLC]{1,7}|[A-Z])[\])]?(?!\w)"
    r"|\d{1,2}(?:\.\d{1,2}){1,4}\.?\s+(?=\S)"
    r"|(?:文章|段落|文档|第)\s?[\d一二三四五六七八九十百]{1,4}\s?[章节節条條篇部编編]?(?=[：:\s]|$))"
)


def numbered_title(lines: Lines, index: int) -> bool:
    """Whether line ``index`` is a heading by its number; a number that only opens a sentence is not."""
    line = lines.line(index).rstrip()
    if len(line) > _MAX_CHARS or (found := _NUMBERED.match(line)) is None:
        return False
    return not line.endswith(_CLOSING) or len(line) - found.end() <= 1


def plain_title(lines: Lines, index: int) -> bool:
    """Whether line ``index``, if it stood alone, would read as a title."""
    if (
        lines.kinds[index] not in (LineKind.PLAIN, LineKind.LABEL)
        or lines.ends[index] - lines.starts[index] > _MAX_CHARS
    ):
        return False
    line = lines.line(index).strip()
    if len(line) < 2 or line.count(" ") >= _MAX_WORDS or len(line) + len(_WIDE.findall(line)) > _MAX_COLUMNS:
        return False
    if line.rstrip(_QUOTES).endswith(_CLOSING) or _INNER_END.search(line) is not None:
        return False
    return line.lstrip("“《「(")[:1].isalnum() and not line[0].islower() and any(char.isalpha() for char in line)
