"""`semtoken keys new`, and what is told where there are no keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from semtoken_server.access.exposure import look_at_access
from semtoken_server.access.key_file import InvalidKeysError, read_keys
from semtoken_server.access.keys import digest_of
from semtoken_server.cli.main import run
from semtoken_server.settings import Settings


def test_the_key_is_printed_once_and_its_hash_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "keys.yaml"
    assert run(["keys", "new", "--name", "team", "--file", str(file)]) == 0
    told = capsys.readouterr()
    key = told.out.strip()
    assert key.startswith("sk-semtoken-")
    assert key not in told.err + file.read_text()
    (kept,) = read_keys(file)
    assert (kept.name, kept.sha256) == ("team", digest_of(key.encode()))
    assert run(["keys", "new", "--name", "team", "--file", str(file)]) == 2
    assert "there is a key named 'team'" in capsys.readouterr().err


def test_without_a_file_the_entry_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "new", "--name", "team"]) == 0
    told = capsys.readouterr()
    file = tmp_path / "keys.yaml"
    file.write_text(told.err)
    assert read_keys(file)[0].sha256 == digest_of(told.out.strip().encode())


def test_a_bad_name_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "new", "--name", "a b"]) == 2
    told = capsys.readouterr()
    assert "'a b'" in told.err
    assert told.out == ""


@pytest.mark.parametrize(
    ("host", "warned"),
    [
        ("127.0.0.1", False),
        ("127.9.9.9", False),
        ("::1", False),
        ("localhost", False),
        ("0.0.0.0", True),
        ("::", True),
        ("10.0.0.4", True),
        ("gateway.example", True),
    ],
)
def test_listening_beyond_loopback_without_keys_is_warned_of(host: str, warned: bool, tmp_path: Path) -> None:
    assert (look_at_access(Settings.load(host=host)) is not None) == warned
    file = tmp_path / "keys.yaml"
    file.write_text(f"keys: [{{name: a, sha256: {'a' * 64}}}]")
    assert look_at_access(Settings.load(host=host, keys_file=file)) is None


def test_a_wrong_file_of_keys_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "keys.yaml"
    file.write_text("keys: []")
    told = look_at_access(Settings.load(keys_file=file))
    assert told is not None
    assert "nobody is let in" in told
    file.write_text("nonsense")
    with pytest.raises(InvalidKeysError):
        look_at_access(Settings.load(keys_file=file))
    monkeypatch.setenv("SEMTOKEN_KEYS_FILE", str(file))
    assert run(["serve", "--engine-url", "http://127.0.0.1:1", "--port", "0"]) == 2
    assert "keys file" in capsys.readouterr().err


def test_the_default_is_loopback() -> None:
    assert look_at_access(Settings()) is None
