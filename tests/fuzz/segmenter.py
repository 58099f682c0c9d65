"""Any text, pinned and tagged in any way, is cut into units that tile it."""

from __future__ import annotations

import unicodedata

import numpy as np
from semtoken.datamodels import GLUE_KINDS, Segmentation
from semtoken.segment import segment

FRAGMENTS = (
    *("\n", "\n\n", "\r\n", "\r", " ", "\t", ". ", "! ", "? ", "。", "; ", ", ", ": ", "।", "\u2028", "\x00", "\ufeff"),
    *("```\n", "````a\n", "~~~\n", "# T\n", "## ", "- item ", "1. ", "| a | b |\n", "|---|---|\n", "a\tb\n", "a,b,c\n"),
    *("> q\n", ">> ", "Alice: hi\n", "---\n", "===\n", "== a ==\n", "Passage 1: Title\n", "From: a\nTo: b\n"),
    *("2024-01-01 10:00:00 INFO x\n", "INFO: y\n", "def f(x):\n    return x\n", "@a\n", "x = f(1);\n", "import os\n"),
    *('{"a": [1, 2, {"b": "c"}], "d": "e"}', '{"k": ', "[[[", "]]]", "{", "}", "[", "]", ",", ":", '"', "“", "”", "«"),
    *("https://a.b/c?d", "a@b.c", "$3.5 million", "1,200.5 kg", "x_y.z", "/usr/bin", "3 May 2021", "10:30 pm", "2.4.1"),
    *("Слово", "λέξη", "كلمة", "नमस्ते", "สวัสดี ", "你好", "これは。", "한국어", "שלום", "e\u0301", "\u0301", "क्षि"),
    *("👨\u200d👩\u200d👧", "🇩🇪🇫🇷", "🇩", "\ud83d", "\udc00", "👍🏽", "\u200b", "\u202e"),
    *("<p>", "</p>", "<div>", "<tr><td>", "<h1>x</h1>", "<li>", "<th>"),
    *("<semtoken:keep>", "</semtoken:keep>", "word ", "Word", "x" * 30, "a b c d e ", "字" * 10),
)
"""What one byte of the input may stand for: a fuzzer finds structure sooner that it need not spell."""

LIMITS = (1, 2, 7, 20, 50, 600)
STRUCTURED = 0x80
"""A first byte of this and more: the input is fragments, not text."""


def check(data: bytes) -> None:
    """Segment what ``data`` stands for; raises where something does not hold of the units."""
    if len(data) < 4:
        return
    text = _text(data)
    limit = LIMITS[data[1] % len(LIMITS)]
    keep_tags = bool(data[2] & 1)
    protect = ["a", "word"] if data[2] & 2 else []
    edge = sorted((data[3] * len(text) // 255, data[1] * len(text) // 255))
    pins = [(edge[0], edge[1])] if data[2] & 4 else []
    units = segment(text, pins=pins, protect=protect, keep_tags=keep_tags, max_unit_chars=limit)
    _tiled(units, text)
    _whole_atoms(units)
    _linked(units)
    if not keep_tags:
        _whole_graphemes(units)
        _pinned(units, pins)


def _text(data: bytes) -> str:
    if data[0] < STRUCTURED:
        return data[4:].decode("utf-8", "surrogateescape" if data[2] & 8 else "replace")
    return "".join(FRAGMENTS[byte % len(FRAGMENTS)] for byte in data[4:])


def _hold(condition: bool | np.bool_, told: str) -> None:
    if not condition:
        raise AssertionError(told)


def _tiled(units: Segmentation, text: str) -> None:
    _hold(units.text == text, "the text is another one")
    if not text:
        _hold(not len(units), "an empty text has units")
        return
    _hold(units.starts[0] == 0 and units.ends[-1] == len(text), "the units do not reach from end to end")
    _hold((units.ends[:-1] == units.starts[1:]).all(), "the units leave a gap or overlap")
    _hold((units.starts < units.ends).all(), "a unit is empty")
    sizes = {len(a) for a in (units.ends, units.kinds, units.paragraphs, units.sections, units.headings, units.pinned)}
    _hold(sizes | {len(units.containers)} == {len(units)}, "the columns differ in length")


def _whole_atoms(units: Segmentation) -> None:
    atoms = units.atoms
    _hold((atoms[:, 0] < atoms[:, 1]).all(), "an atom is empty")
    _hold((atoms[:-1, 1] <= atoms[1:, 0]).all(), "atoms overlap or are out of order")
    owners = np.searchsorted(units.starts, atoms[:, 0], side="right") - 1
    _hold((atoms[:, 1] <= units.ends[owners]).all(), "an atom is cut")


def _linked(units: Segmentation) -> None:
    _hold((np.diff(units.paragraphs) >= 0).all() and (np.diff(units.sections) >= 0).all(), "the outline falls")
    _hold((units.headings < np.arange(len(units))).all(), "a heading stands below its unit")
    parents = units.container_parents
    _hold((units.containers < max(len(parents), 1)).all(), "a container does not exist")
    _hold((parents < np.arange(len(parents))).all(), "a container's parent comes after it")


def _whole_graphemes(units: Segmentation) -> None:
    text = units.text
    for cut in units.starts[1:].tolist():
        before, after = text[cut - 1], text[cut]
        _hold(before + after != "\r\n", "a line break is cut")
        if before not in "\r\n":
            _hold(unicodedata.category(after) not in ("Mn", "Mc", "Me"), "a mark is cut off its letter")
            _hold(after.isascii() or "\u200d" not in before + after, "a joined sequence is cut")


def _pinned(units: Segmentation, pins: list[tuple[int, int]]) -> None:
    content = ~np.isin(units.kinds, GLUE_KINDS)
    for start, end in pins:
        touched = (units.starts < end) & (units.ends > start) & content & (start < end)
        _hold(units.pinned[touched].all(), "a pinned unit is not pinned")
