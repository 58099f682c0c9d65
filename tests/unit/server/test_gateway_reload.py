"""Settings read anew at SIGHUP: what is taken over, what is not, and what a fault does."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from semtoken_server.lifecycle.reload import LIVE, WITH_WORKERS, Reloader
from semtoken_server.settings import Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.yaml"
    path.write_text("compress_timeout_s: 1\nengine_urls: ['http://a:1']\n")
    return path


@pytest.fixture(autouse=True)
def same_levels() -> Iterator[None]:
    names = ("semtoken_server", "uvicorn", "uvicorn.error")
    before = [(logging.getLogger(name), logging.getLogger(name).level) for name in names]
    yield
    for log, level in before:
        log.setLevel(level)


def reloader(file: Path, live: frozenset[str] = LIVE) -> tuple[Reloader, Settings]:
    running = Settings.load(file)
    return Reloader(lambda: Settings.load(file), running, live), running


def test_what_is_live_is_taken_over(file: Path) -> None:
    reload, _ = reloader(file)
    file.write_text("compress_timeout_s: 2\nengine_urls: ['http://a:1']\nlog_level: debug\ncompression:\n  ratio: 3\n")
    found = reload.reload()
    assert found is not None
    assert (found.compress_timeout_s, found.compression.ratio) == (2, 3)
    assert logging.getLogger("semtoken_server").level == logging.DEBUG


def test_what_needs_a_restart_is_named_and_stays(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    reload, running = reloader(file)
    file.write_text("compress_timeout_s: 1\nport: 9\nencoder: other\nengine_urls: ['http://b:2']\n")
    with caplog.at_level(logging.INFO):
        found = reload.reload()
    assert found == running
    assert "only a restart takes them over: encoder, engine_urls, port" in caplog.text
    # Named again at every reload, for as long as the file says so.
    caplog.clear()
    reload.reload()
    assert "encoder, engine_urls, port" in caplog.text


def test_new_workers_take_over_other_engines(file: Path) -> None:
    reload, _ = reloader(file, WITH_WORKERS)
    file.write_text("engine_urls: ['http://b:2', 'http://c:3']\n")
    found = reload.reload()
    assert found is not None
    assert found.engine_urls == ("http://b:2", "http://c:3")


@pytest.mark.parametrize(
    ("before", "after"), [("", "engine_urls: ['http://b:2']"), ("engine_urls: ['http://b:2']", "")]
)
def test_an_engine_of_our_own_comes_and_goes_with_a_restart(file: Path, before: str, after: str) -> None:
    file.write_text(before)
    loaded = Settings.load(file)
    running = loaded.model_copy(update={"engine_urls": ("http://127.0.0.1:8100",)})
    reload = Reloader(lambda: Settings.load(file), running, WITH_WORKERS)
    file.write_text(after)
    assert reload.reload() == running


@pytest.mark.parametrize(
    "text",
    [
        "compress_timeout_s: -1",
        "no_such_setting: 1",
        "compression: [",
        "port: {}",
        "model: 2026-02-30",
        "fit_window: !!bool maybe",
        "model: !!timestamp soon",
        "port: !!int ''",
        pytest.param("model: " + 3000 * "[", id="deep"),
    ],
)
def test_a_fault_keeps_everything_and_is_one_line(file: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    reload, running = reloader(file)
    file.write_text(text)
    assert reload.reload() is None
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "the settings stay as they were" in record.getMessage()
    assert "\n" not in record.getMessage()
    file.write_text("compress_timeout_s: 1\nengine_urls: ['http://a:1']\n")
    assert reload.reload() == running
