"""Headings, lists, tables, logs, code, mails: each line becomes the unit that a reader sees."""

from __future__ import annotations

import pytest
from semtoken.datamodels import Segmentation, UnitKind
from semtoken.segment import segment
from unit.segment.reference import of_kind, pieces


def heading_of(units: Segmentation, piece: str) -> str | None:
    """The heading of the first unit that starts with ``piece``."""
    index = next(k for k, found in enumerate(pieces(units)) if found.startswith(piece))
    heading = int(units.headings[index])
    return None if heading < 0 else pieces(units)[heading].strip()


def test_headings_of_every_style_nest_by_level() -> None:
    text = "Top\n===\n\nA one.\n\n# Other\n\n## Sub ##\n\nB two.\n\n### Deep\n\nC three.\n\n"
    text += "## Next\n\nD four.\n\n== Wiki ==\nE five."
    units = segment(text)
    assert [piece.strip() for piece in of_kind(units, UnitKind.HEADING)] == [
        *("Top\n===", "# Other", "## Sub ##", "### Deep", "## Next", "== Wiki =="),
    ]
    assert heading_of(units, "A one") == "Top\n==="
    assert heading_of(units, "## Sub") == "# Other"
    assert heading_of(units, "B two") == "## Sub ##"
    assert heading_of(units, "C three") == "### Deep"
    assert heading_of(units, "D four") == "## Next"
    assert heading_of(units, "# Other") is None
    assert heading_of(units, "E five") == "== Wiki =="
    sections = {piece.strip(): int(section) for piece, section in zip(pieces(units), units.sections, strict=True)}
    assert sections["A one."] < sections["B two."] < sections["C three."] < sections["D four."]


@pytest.mark.parametrize(
    "title", ["The Winter at Anchor", "Chapter IV", "Passage 3: Ships", "2.1 Methods", "第三章 船"]
)
def test_a_short_line_alone_is_a_title(title: str) -> None:
    units = segment(f"They sailed north.\n\n{title}\n\nThe winter was spent at anchor.")
    assert of_kind(units, UnitKind.HEADING) == [title]
    assert heading_of(units, "The winter was") == title


@pytest.mark.parametrize("line", ["They came home.", "and then they left", "Why?", "Yes, sir!", "一切都好。"])
def test_a_short_sentence_alone_is_no_title(line: str) -> None:
    units = segment(f"They sailed north.\n\n{line}\n\nThe winter was spent at anchor.")
    assert not of_kind(units, UnitKind.HEADING)


def test_many_short_lines_in_a_row_are_no_titles() -> None:
    assert not of_kind(segment("Apples\n\nPears\n\nPlums\n\nCherries\n\nThey grow on trees."), UnitKind.HEADING)


def test_many_headings_with_nothing_under_them_are_a_list() -> None:
    comments = "".join(f"# copy(n={n}): Copies it.\n" for n in range(5))
    units = segment(comments + "The end of it.")
    assert not of_kind(units, UnitKind.HEADING)
    assert len(of_kind(units, UnitKind.LIST_ITEM)) >= 5


def test_list_items_hold_their_continuation_lines() -> None:
    text = "Steps:\n\n1. Open it.\n2. Look inside. Then close it\n   with care.\n\n- one\n* two\n• three"
    assert of_kind(segment(text), UnitKind.LIST_ITEM) == [
        *("1. Open it.\n", "2. Look inside. Then close it\n   with care.", "- one\n", "* two\n", "• three"),
    ]


def test_the_head_of_a_ruled_table_is_the_heading_of_its_rows() -> None:
    units = segment("# Crew\n\n| name | rank |\n|------|------|\n| Ann | mate |\n| Bob | cook |")
    assert of_kind(units, UnitKind.TABLE_ROW)[0] == "| name | rank |\n|------|------|\n"
    assert heading_of(units, "| name") == "# Crew"
    assert heading_of(units, "| Ann") == heading_of(units, "| Bob") == "| name | rank |\n|------|------|"
    assert len(set(units.paragraphs[units.kinds == UnitKind.TABLE_ROW])) == 1


@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
def test_delimited_rows_are_a_table(delimiter: str) -> None:
    rows = [delimiter.join(row) for row in (("name", "age", "town"), ("ann", "31", "Bonn"), ("bob", "40", "Rome"))]
    text = "\n".join([*rows, *rows[1:]])
    units = segment(text)
    assert pieces(units) == text.splitlines(keepends=True)
    assert (units.kinds == UnitKind.TABLE_ROW).all()
    assert units.headings.tolist() == [-1, 0, 0, 0, 0]


def test_commas_in_prose_make_no_table() -> None:
    text = "Ann, Bob, and Carl left.\nThey went, sadly, home.\nNobody, it seems, cared."
    assert not of_kind(segment(text), UnitKind.TABLE_ROW)


@pytest.mark.parametrize(
    "line",
    [
        "2024-01-05 10:00:00,123 INFO [main] server.Core - started on port 8080",
        "Jan  5 10:00:00 host sshd[123]: Accepted publickey for root",
        "[2024-01-05T10:00:00Z] WARN disk almost full",
        "ERROR: could not open file",
        '127.0.0.1 - - [05/Jan/2024:10:00:00 +0000] "GET / HTTP/1.1" 200 512',
        "081109 203615 148 INFO dfs.DataNode$PacketResponder: terminating",
    ],
)
def test_every_line_of_a_log_is_a_unit(line: str) -> None:
    text = "\n".join([line, f"{line} again", "\tat com.example.Main(Main.java:10)", line])
    units = segment(text)
    assert pieces(units) == text.splitlines(keepends=True)
    assert (units.kinds == UnitKind.LOG_LINE).all()


@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
def test_a_fence_is_one_unit_and_one_atom_however_long(fence: str) -> None:
    block = f"{fence}python\n" + 'print("a. B. C")\n\n# no heading\n' * 100 + fence
    units = segment(f"Look:\n\n{block}\n\nThat was it.", max_unit_chars=50)
    assert of_kind(units, UnitKind.CODE) == [block]
    start = units.text.index(block)
    assert [start, start + len(block)] in units.atoms.tolist()


def test_an_open_fence_swallows_nothing() -> None:
    units = segment("```\nThe first. The second.\n\nThe third.")
    assert "The third." in pieces(units)


def test_code_without_a_fence_is_cut_before_its_definitions() -> None:
    body = "".join(f"    total += step({n})\n" for n in range(12))
    text = f"import os\n@cached\ndef first(x):\n{body}def second(x):\n{body}"
    units = segment(text, max_unit_chars=300)
    assert set(units.kinds[units.content]) == {UnitKind.CODE}
    assert any(piece.startswith("def second") for piece in pieces(units))
    assert any(piece.startswith("@cached\ndef first") for piece in pieces(units))
    breaks = [units.text[cut - 1] for cut in units.starts[1:].tolist()]
    assert set(breaks) == {"\n"}


def function(name: str, steps: int, indent: str = "") -> str:
    body = "".join(f"    step_{n} = compute({n}, {name})\n{chr(10) if n % 9 == 8 else ''}" for n in range(steps))
    lines = f"@cached(\n    size={steps},\n)\ndef {name}(user):\n{body}    return {name}\n".splitlines(keepends=True)
    return "".join(line if line == "\n" else indent + line for line in lines)


def test_a_function_without_a_fence_is_one_unit_with_its_blank_lines_and_its_decorators() -> None:
    functions = [function(f"name_{n}", 30 + n) for n in range(12)]
    units = segment("import os\n\n\n" + "\n\n".join(functions))
    assert [piece.strip() for piece in of_kind(units, UnitKind.CODE)] == ["import os", *(f.strip() for f in functions)]
    assert all(len(f) > 600 for f in functions)
    assert {f.strip() for f in functions} <= {units.text[start:end] for start, end in units.atoms}


def test_of_a_class_that_is_too_long_the_methods_are_units() -> None:
    methods = [function(f"name_{n}", 25, "    ") for n in range(15)]
    units = segment("class Long:\n    count = 0\n\n" + "\n".join(methods))
    assert [piece.strip() for piece in of_kind(units, UnitKind.CODE)][1:] == [method.strip() for method in methods]


def test_a_function_in_braces_is_one_unit() -> None:
    functions = [f"void f{n}()\n{{\n" + "    call();\n\n    other(1);\n" * 30 + "}" for n in range(10)]
    assert [piece.strip() for piece in pieces(segment("\n\n".join(functions))) if piece.strip()] == functions


def test_a_function_that_is_most_of_a_text_is_cut() -> None:
    units = segment(function("first", 40) + "\n" + function("second", 40))
    assert (units.ends - units.starts).max() <= 600


def test_a_mail_is_headed_by_its_header_and_quotes_are_cut_by_depth() -> None:
    header = "From: Ann <ann@x.org>\nTo: Bob <bob@y.org>\nSubject: Lunch"
    units = segment(f"{header}\n\nHi Bob. Are you free?\n\n> I was away. Sorry.\n>> Call me.\n\nAnn")
    assert of_kind(units, UnitKind.HEADING)[0] == header
    assert heading_of(units, "Are you free?") == header
    found = pieces(units)
    assert "> I was away. " in found
    assert ">> Call me." in found
    paragraphs = dict(zip(found, units.paragraphs.tolist(), strict=True))
    assert paragraphs["> I was away. "] < paragraphs[">> Call me."]


def test_hard_wrapped_prose_is_read_as_one_paragraph() -> None:
    text = (
        "The survey of the coast began in the spring of 1843, when two\n"
        "ships left the harbour with a crew of ninety. They sailed north\n"
        "along the cliffs and charted every bay."
    )
    assert pieces(segment(text)) == [text[: text.index("They")], text[text.index("They") :]]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_blank_lines_part_paragraphs_whatever_the_line_break(newline: str) -> None:
    units = segment(f"First one.{newline * 2}Second one.{newline * 4}Third one.")
    assert of_kind(units, UnitKind.SEPARATOR) == [newline * 2, newline * 4]
    assert units.paragraphs[units.content].tolist() == [0, 1, 2]


def test_white_space_alone_is_one_separator() -> None:
    for text in (" ", "\n\n\n", " \t\r\n \u3000"):
        assert of_kind(segment(text), UnitKind.SEPARATOR) == [text]
    assert len(segment("")) == 0


def test_speakers_lines_are_units_of_their_own() -> None:
    text = "Ann: Are you in?\nBob: Back at five. Wait.\nAnn: Good."
    found = of_kind(segment(text), UnitKind.SENTENCE)
    assert [piece.strip() for piece in found] == ["Ann: Are you in?", "Bob: Back at five.", "Wait.", "Ann: Good."]
