"""Exit statuses and messages of the command line: bad input is one line and 2."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import yaml
from semtoken_server.cli.main import run
from semtoken_server.supervisor import command


@pytest.fixture(autouse=True)
def sigterm() -> Iterator[None]:
    """`serve` takes SIGTERM for itself; the test process gets it back."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["compress", "/no/such/file"], "/no/such/file"),
        (["compress", "--ratio", "0"], "ratio"),
        (["compress", "--ratio", "many"], "--ratio"),
        (["compress", "--target-tokens", "0"], "target_tokens"),
        (["compress", "--realise", "embeds"], "embeds"),
        (["compress", "--json", "--html", "page.html"], "--json and --html"),
        (["compress", "--bogus"], "--bogus"),
        (["serve", "--port", "70000"], "70000"),
        (["serve", "--engine-url", "ftp://host"], "ftp://host"),
        (["serve", "--config", "/no/such.yaml"], "/no/such.yaml"),
        (["nonsense"], "nonsense"),
    ],
)
def test_bad_input_is_one_line_that_names_it(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("semtoken: ")
    assert told.err.count("\n") == 1
    assert named in told.err


def test_bytes_that_are_no_text_are_named_with_their_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"text\xff\xfe")
    assert run(["compress", str(binary)]) == 2
    assert "0xff at offset 4" in capsys.readouterr().err


def test_a_taken_port_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["serve", "--engine-url", "http://127.0.0.1:9", "--port", str(port)]) == 2
    assert f"127.0.0.1:{port}" in capsys.readouterr().err


@pytest.mark.model
@pytest.mark.usefixtures("models")
def test_an_engine_that_is_not_installed_is_named_with_its_cure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing_installed(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(command, "version", nothing_installed)
    assert run(["serve", "--port", "0"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "pip install 'semtoken[cpu]'" in told
    assert "--engine-url" in told


def test_the_printed_settings_are_settings_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMTOKEN_ENGINE_API_KEY", "do-not-tell")
    assert run(["serve", "--print-config", "--port", "9000", "--engine-url", "http://a:1"]) == 0
    printed = capsys.readouterr().out
    assert "do-not-tell" not in printed
    settings = yaml.safe_load(printed)
    assert (settings["port"], settings["engine_urls"]) == (9000, ["http://a:1"])
    del settings["engine_api_key"]
    again = tmp_path / "settings.yaml"
    again.write_text(yaml.safe_dump(settings))
    assert run(["serve", "--print-config", "--config", str(again)]) == 0
    assert capsys.readouterr().out == printed


@pytest.mark.model
def test_text_json_and_ids_are_of_one_result(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    source = tmp_path / "text"
    source.write_text("The river Elbe is 1,094 km long. Cats sleep. " * 3 + "Bridges cross it at Dresden. " * 3)
    common = ["compress", str(source), "--query", "How long is the Elbe?", "--ratio", "2"]
    assert run([*common, "--json"]) == 0
    told = capfdbinary.readouterr()
    result = json.loads(told.out)
    assert told.err.count(b"\n") == 1
    assert result["text"] == "".join(source.read_text()[start:end] for start, end in result["kept"])
    assert run(common) == 0
    assert capfdbinary.readouterr().out.decode() == result["text"]
    assert run([*common, "--realise", "tokens", "--json"]) == 0
    ids = json.loads(capfdbinary.readouterr().out)["token_ids"]
    assert run([*common, "--realise", "tokens"]) == 0
    assert [int(word) for word in capfdbinary.readouterr().out.split()] == ids
    page = tmp_path / "page.html"
    assert run([*common, "--html", str(page)]) == 0
    assert capfdbinary.readouterr().out == b""
    assert "How long is the Elbe?" in page.read_text()
