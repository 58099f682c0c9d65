"""From which length on compression pays."""

from __future__ import annotations

from pathlib import Path

import pytest
from semtoken_server.benchmark.calibrate import Point, break_even
from semtoken_server.settings import InvalidSettingsError, Settings
from semtoken_server.settings_file import set_minimum


def points(*gains: float) -> list[Point]:
    """Points of these gains at 100, 200, ... tokens."""
    return [Point(100 * (number + 1), 1.0, 1.0 - gain, 0.0) for number, gain in enumerate(gains)]


@pytest.mark.parametrize(
    ("gains", "minimum"),
    [
        ((-0.5, 0.0, 0.2, 0.4), 256),  # 0.1 is reached at 250 tokens
        ((0.3, 0.4), 100),  # at the shortest already
        ((0.3, 0.0, 0.2), 256),  # what once pays and then does not is noise
        ((-0.5, 0.0), None),
        ((0.3, 0.05), None),
    ],
)
def test_the_break_even_is_where_it_pays_for_good(gains: tuple[float, ...], minimum: int | None) -> None:
    assert break_even(points(*gains), 0.1) == minimum


def test_the_minimum_goes_into_the_settings_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("# ours\nport: 9000  # the old one\ncompression:\n  ratio: 3.0\n")
    set_minimum(path, 320)
    text = path.read_text()
    assert "# ours\nport: 9000  # the old one\n" in text
    settings = Settings.load(path)
    assert (settings.compression.min_tokens, settings.compression.ratio, settings.port) == (320, 3.0, 9000)


@pytest.mark.parametrize("content", [None, "", "port: 9000\n"])
def test_a_file_without_a_minimum_gets_one(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "settings.yaml"
    if content is not None:
        path.write_text(content)
    set_minimum(path, 128)
    assert Settings.load(path).compression.min_tokens == 128


@pytest.mark.parametrize("content", ["- a list", "compression: 7", "a: [", "\x80"])
def test_a_file_that_is_none_is_named_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "settings.yaml"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InvalidSettingsError, match=r"settings\.yaml"):
        set_minimum(path, 128)
    assert path.read_bytes() == content.encode("latin-1")
