"""Input made to be slow or deep: the units are right all the same (a quadratic pass would never end)."""

from __future__ import annotations

import json

import pytest
from semtoken.datamodels import UnitKind
from semtoken.segment import segment

MEGA = 200_000
HOSTILE = {
    "no space": "x" * (4 * MEGA),
    "no space wide": "字" * MEGA,
    "digits": "7" * MEGA,
    "commas and digits": "1," * MEGA,
    "identifiers": "a_" * MEGA,
    "dots": "a." * MEGA,
    "mail signs": "a@b." * (MEGA // 2),
    "slashes": "/" * MEGA,
    "dashes": "-" * MEGA,
    "brackets": "[" * 200_000,
    "braces": '{"a":' * 100_000,
    "closed brackets": "[" * 100_000 + "]" * 100_000,
    "bracket lines": "[\n" * 50_000,
    "key lines": '{"a": [\n' * 25_000,
    "open quotes": '"' * 200_000,
    "spaced quotes": '" a ' * 100_000,
    "guillemets": "« a" * 200_000,
    "backticks": "`" * 300_000,
    "open fences": "```a\n" * 30_000,
    "one-character lines": "a\n" * 200_000,
    "blank lines": "\n" * 500_000,
    "spaces": " " * MEGA,
    "repetition": "The ship went north. " * 50_000,
    "names": "Name: " * 200_000,
    "tags": "<semtoken:keep>" * 50_000 + "</semtoken:keep>" * 50_000,
    "open tags": "<semtoken:keep>" * 100_000,
    "combining": "e" + "\u0301" * 300_000,
    "joiners": "👩\u200d" * 200_000,
    "flags": "🇩🇪" * 200_000,
    "headings": "# a\n\n" * 30_000,
    "deeper headings": "\n\n".join("#" * (n % 6 + 1) + f" T{n}" for n in range(20_000)),
    "table": "| a | b |\n" * 40_000,
    "tabs": "a\tb\n" * 40_000 + "a\tb\tc\n" * 2,
    "ragged table": "\n".join("a," * (2 + n % 2) for n in range(40_000)),
    "quotes by depth": "\n".join(">" * (n % 30) + " q" for n in range(40_000)),
    "list": "- a\n" * 40_000,
    "rules": "---\n" * 40_000,
    "text over rules": "a\nb\n---\n" * 20_000,
    "log": "2024-01-01 10:00:00 INFO x\n" * 30_000,
    "code": "x = f(1);\n" * 50_000,
    "surrogates": "\ud800" * 300_000,
    "zeros": "\x00" * 300_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_tiled(name: str) -> None:
    text = HOSTILE[name]
    units = segment(text, keep_tags=True, protect=["a", "xx"])
    assert units.starts[0] == 0
    assert units.ends[-1] == len(text)
    assert (units.ends[:-1] == units.starts[1:]).all()
    assert (units.starts < units.ends).all()


def test_a_text_without_a_space_is_cut_to_length() -> None:
    units = segment("x" * (4 * MEGA), max_unit_chars=600)
    assert (units.ends - units.starts).max() <= 600
    assert len(units) <= 2 * 4 * MEGA // 600


def test_a_combining_sequence_is_never_cut() -> None:
    assert len(segment("e" + "\u0301" * 10_000)) == 1


def test_brackets_beyond_the_parsers_depth_are_no_json() -> None:
    units = segment("[" * 200_000 + "]" * 200_000)
    assert not (units.kinds == UnitKind.JSON_ITEM).any()


def test_a_large_document_is_a_tree_of_its_items() -> None:
    text = json.dumps([{"id": n, "name": f"name {n}"} for n in range(20_000)])
    units = segment(text)
    assert (units.kinds == UnitKind.JSON_ITEM).sum() == 20_000
    assert (units.kinds == UnitKind.SEPARATOR).sum() == 19_999
