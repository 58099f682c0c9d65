"""Real text of a given number of tokens."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.encoders import small_tokenizer
from semtoken import InvalidInputError
from semtoken.benchmark import cut, running_text, windows

TOKENIZER = small_tokenizer()


def test_windows_are_as_long_as_asked_and_come_from_different_places() -> None:
    text = running_text(())
    pieces = windows(text, TOKENIZER, 500, 4, seed=0)
    assert all(piece in text for piece in pieces)
    assert len(set(pieces)) == 4
    # A piece is stripped, and counted alone it may part at its ends in another way.
    assert all(abs(TOKENIZER.count(piece) - 500) <= 5 for piece in pieces)
    assert pieces == windows(text, TOKENIZER, 500, 4, seed=0)
    assert pieces != windows(text, TOKENIZER, 500, 4, seed=1)


def test_a_text_that_is_too_short_is_named() -> None:
    with pytest.raises(InvalidInputError, match="500 are wanted"):
        windows("A short text.", TOKENIZER, 500, 1, seed=0)
    with pytest.raises(InvalidInputError, match="500 are wanted"):
        cut("A short text.", 0, 500, TOKENIZER.count)


@pytest.mark.parametrize("tokens", [20, 333, 4096])
def test_a_text_is_cut_by_counting(tokens: int) -> None:
    text = running_text(())
    counted: list[str] = []

    def count(piece: str) -> int:
        counted.append(piece)
        return TOKENIZER.count(piece)

    piece = cut(text, 1000, tokens, count)
    assert text.startswith(piece, 1000)
    assert abs(TOKENIZER.count(piece) - tokens) <= max(1, tokens * 0.002)
    assert len(counted) <= 8


def test_own_files_come_one_after_the_other(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text(f"Text {name}.")
    assert running_text([str(tmp_path / "b.txt"), str(tmp_path / "a.txt")]) == "Text b.\n\nText a."
