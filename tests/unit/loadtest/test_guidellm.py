"""guidellm gets the same prompts in every run, each run's with a mark of its own, and the gateway's key."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from loadtest.guidellm.__main__ import main
from loadtest.guidellm.config import Profile, rows
from loadtest.prompts.sequence import sequence
from loadtest.sending.stream import KEY

SECRET = "sk-of-a-test"
NAMES = ("off-0.5", "on-0.5", "off-2", "on-2")


class Models(BaseHTTPRequestHandler):
    """Lists a model, to who has the key."""

    def do_GET(self) -> None:
        known = self.headers.get("authorization") == f"Bearer {SECRET}"
        self.send_response(200 if known else 401)
        self.end_headers()
        self.wfile.write(b'{"data": [{"id": "m"}]}')

    def log_message(self, *_: object) -> None:
        """Not to the test's output."""


@contextmanager
def gateway() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Models) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def told(out: Path, name: str) -> tuple[dict[str, Any], list[list[dict[str, Any]]]]:
    """A run's configuration, and the chats of the file that it names."""
    config = json.loads((out / f"{name}.config.json").read_text())
    (data,) = config["spec"]["data"]
    return config, [json.loads(line)["messages"] for line in Path(data["path"]).read_text().splitlines()]


def test_it_gets_whole_chats_and_a_mode(tmp_path: Path) -> None:
    prompts = sequence(["agent"], None)[:3]
    lines = [json.loads(line) for line in rows(prompts, "mark").splitlines()]
    assert [line["messages"] for line in lines] == [prompt.body("", "mark")["messages"] for prompt in prompts]
    assert {line["output_tokens_count"] for line in lines} == {48}
    profile = Profile("http://127.0.0.1:8080", "m", None, 30, 7)
    config = profile.config("on", 2.0, tmp_path / "on.jsonl", tmp_path / "on")
    assert config["spec"]["backend"]["extras"]["headers"] == {"x-semtoken-mode": "auto"}
    assert "api_key" not in config["spec"]["backend"]
    assert config["benchmarks"] == [{"profile.rate": 2.0}]


def test_every_run_of_every_invocation_has_a_mark_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, SECRET)
    app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(main)
    firsts = set()
    with gateway() as url:
        for invocation in ("one", "two"):
            out = tmp_path / invocation
            # guidellm itself is not installed; `true` takes any arguments.
            flags = ["--url", url, "--command", "true", "--scenario", "rag", "--rates", "0.5,2", "--out", str(out)]
            ran = CliRunner().invoke(app, flags)
            assert ran.exit_code == 0, ran.output
            firsts |= {told(out, name)[1][0][0]["content"].splitlines()[0] for name in NAMES}
    assert len(firsts) == 2 * len(NAMES)
    for invocation, name in product(("one", "two"), NAMES):
        config, chats = told(tmp_path / invocation, name)
        mode, _, rate = name.partition("-")
        assert config["benchmarks"] == [{"profile.rate": float(rate)}]
        assert config["spec"]["backend"]["extras"]["headers"]["x-semtoken-mode"] == {"off": "off", "on": "auto"}[mode]
        assert {Path(output["path"]).stem for output in config["spec"]["outputs"]} == {name}
        # All but the mark is the same.
        assert [chat[1:] for chat in chats] == [chat[1:] for chat in told(tmp_path / "one", NAMES[0])[1]]


def test_the_key_reaches_it_and_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, SECRET)
    app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(main)
    with gateway() as url:
        ran = CliRunner().invoke(app, ["--url", url, "--command", "true", "--rates", "1", "--out", str(tmp_path)])
    assert ran.exit_code == 0, ran.output
    for name in ("off-1", "on-1"):
        assert told(tmp_path, name)[0]["spec"]["backend"]["api_key"] == SECRET
        assert stat.S_IMODE((tmp_path / f"{name}.config.json").stat().st_mode) == 0o600
    assert SECRET not in repr(Profile("u", "m", None, 1, 0, SECRET))
