"""What must not be cut inside, and how a unit that is too long is cut around it."""

from __future__ import annotations

import pytest
from semtoken.segment import segment
from unit.segment.reference import pieces


def atoms_of(text: str) -> list[str]:
    return [text[start:end] for start, end in segment(text).atoms.tolist()]


@pytest.mark.parametrize(
    "atom",
    [
        *(
            "1,200.5 kg",
            "$3.5 million",
            "€ 20",
            "−12.5 °C",
            "50％",
            "1 234 567",
            "3,5 млн",
            "20 years",
            "6.02e23",
            "5万元",
        ),
        *("5 May 2021", "May 5, 2021", "3rd of May 2021", "2024-01-05", "10:30 pm", "3 марта 2021", "2021年3月5日"),
        *("https://example.org/a?b=c#d", "ann.b+c@mail.example.org", "git@host:org/repo.git"),
        *(
            "foo_bar",
            "CamelCase",
            "NASA",
            "a.b.c()",
            "/usr/local/bin",
            "C:\\Users\\ann",
            "v1.2.3",
            "--dry-run",
            "$HOME",
            "#123",
        ),
        *("0xdeadbeef", "`ls -la /`", '"the whole of it, twice"', "“so it was”", "«вот так»", "„genau so“", "「はい」"),
    ],
)
def test_finds_the_atom_whole(atom: str) -> None:
    found = atoms_of(f"They noted {atom} and went on.")
    assert atom in found, found


@pytest.mark.parametrize(
    "text", ["They went on and on.", "Sie gingen weiter.", "他们走了。", "it's a well-known don't"]
)
def test_plain_words_are_no_atoms(text: str) -> None:
    assert [atom for atom in atoms_of(text) if "-" not in atom] == []


def test_speakers_are_atoms_at_the_start_of_a_line_only() -> None:
    assert atoms_of("Mary Ann (host): go on.\nthe reason: none.") == ["Mary Ann (host):"]
    assert atoms_of("Анна: да.") == ["Анна:"]


def test_the_point_after_a_url_is_not_its_own() -> None:
    assert atoms_of("See https://a.b/c, (https://d.e/f) and https://g.h/i.") == [
        *("https://a.b/c", "https://d.e/f", "https://g.h/i"),
    ]


def test_no_sentence_ends_inside_a_quotation() -> None:
    text = 'He wrote "It rained. Then it stopped. We left." in his log. That was all.'
    assert pieces(segment(text)) == [text[: text.index("That")], "That was all."]


def test_long_text_is_cut_at_clauses_before_spaces_and_never_in_an_atom() -> None:
    clause = "and they went along the coast at 12.5 km per day past foo_bar.baz, "
    units = segment(clause * 20, max_unit_chars=100)
    assert all(len(piece) <= 100 for piece in pieces(units))
    assert all(piece.endswith(", ") for piece in pieces(units))
    spaced = segment("word 1,200.5 kg " * 50, max_unit_chars=37)
    assert all(len(piece) <= 37 for piece in pieces(spaced))
    assert all("1,200.5 kg" in piece or "1,200.5" not in piece for piece in pieces(spaced))


def test_an_atom_longer_than_a_unit_is_cut_all_the_same() -> None:
    url = "https://example.org/" + "a" * 500
    units = segment(f"See {url} now.", max_unit_chars=100)
    assert max(map(len, pieces(units))) <= 100
    assert "".join(pieces(units)) == f"See {url} now."


@pytest.mark.parametrize("cluster", ["👨‍👩‍👧", "🇩🇪", "e\u0301\u0323", "👍🏽", "क्षि", "각", "ก็", "\r\n"])
def test_clusters_stay_whole_wherever_a_unit_is_cut(cluster: str) -> None:
    for limit in range(1, 12):
        found = pieces(segment(cluster * 30, max_unit_chars=limit))
        assert all(piece.replace(cluster, "") == "" for piece in found)
