"""Log lines as JSON: their fields, and the request that they are about."""

from __future__ import annotations

import asyncio
import json
import logging
import logging.config
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from semtoken_server.logs.about import About, work_for, working_for
from semtoken_server.logs.config import configure_logs
from semtoken_server.logs.json_lines import JsonLines
from semtoken_server.logs.requests import log_request
from semtoken_server.settings import Settings

LOGGERS = ("", "semtoken_server", "uvicorn", "uvicorn.error", "uvicorn.access", "py.warnings")


@pytest.fixture
def same_logging() -> Iterator[None]:
    """Loggers as they were before."""
    found = [logging.getLogger(name) for name in LOGGERS]
    before = [(log, log.handlers[:], log.level, log.propagate) for log in found]
    yield
    logging.captureWarnings(False)
    for log, handlers, level, propagate in before:
        log.handlers[:], log.propagate = handlers, propagate
        log.setLevel(level)


def line(message: object = "told", *arguments: object, **fields: Any) -> dict[str, Any]:
    """A line as it is written, read again."""
    record = logging.LogRecord(
        "a.module", logging.WARNING, "file.py", 1, message, arguments, fields.pop("exc_info", None)
    )
    record.__dict__.update(fields)
    written = JsonLines().format(record)
    assert "\n" not in written
    found: dict[str, Any] = json.loads(written)
    return found


def test_a_line_has_time_level_logger_and_message() -> None:
    found = line("%d of %s", 3, "four")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found.pop("time"))
    assert found == {"level": "WARNING", "logger": "a.module", "message": "3 of four"}


def test_the_time_is_the_record_s_in_utc() -> None:
    assert line(created=1_700_000_000.25)["time"] == "2023-11-14T22:13:20.250Z"


def test_an_exception_is_one_field() -> None:
    try:
        raise ValueError("a fault\nin two lines")
    except ValueError:
        found = line(exc_info=sys.exc_info())
    assert found["exception"].startswith("Traceback (most recent call last):\n")
    assert found["exception"].endswith("ValueError: a fault\nin two lines")
    assert "exc_info" not in found


@pytest.mark.parametrize("odd", ["two\nlines", 'a quote "', "\ud800 alone", "\x00\x1b[31m", "\u2028"])
def test_whatever_is_said_it_is_one_line_of_json(odd: str) -> None:
    assert line(odd)["message"] == odd


def test_what_is_no_json_is_told_as_text() -> None:
    assert (
        line(
            extra={
                1,
            },
            other=object,
        )["message"]
        == "told"
    )


def test_uvicorn_s_coloured_twin_of_a_message_is_left_out() -> None:
    assert "color_message" not in line(color_message="\x1b[36mtold")


async def test_a_line_names_the_request_that_its_task_works_for() -> None:
    async def one(number: int) -> dict[str, Any]:
        work_for(About(f"id-{number}", *(("trace", "span") if number else ())))
        await asyncio.sleep(0)
        return line()

    first, second = await asyncio.gather(one(0), one(1))
    assert (first["request_id"], second["request_id"]) == ("id-0", "id-1")
    assert "trace_id" not in first
    assert (second["trace_id"], second["span_id"]) == ("trace", "span")
    assert working_for() is None
    assert "request_id" not in line()


@pytest.mark.usefixtures("same_logging")
def test_all_loggers_write_json_warnings_of_python_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(Settings.load(log_format="json", log_level="info"))
    for name in ("semtoken_server.gateway", "uvicorn.error", "aiohttp", "py.warnings"):
        logging.getLogger(name).warning("from %s", name)
    logging.getLogger("semtoken_server.gateway").debug("too fine")
    captured = capsys.readouterr()
    written = [json.loads(each) for each in captured.err.splitlines()]
    assert [each["message"] for each in written] == [
        f"from {name}" for name in ("semtoken_server.gateway", "uvicorn.error", "aiohttp", "py.warnings")
    ]
    assert captured.out == ""


@pytest.mark.usefixtures("same_logging")
def test_text_stays_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(Settings.load())
    logging.getLogger("semtoken_server.gateway").warning("from %s", "here")
    assert re.sub("\x1b[^m]*m", "", capsys.readouterr().err) == "WARNING:  from here\n"


def test_a_request_s_line_reads_as_text_too(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        log_request("POST", "/v1/chat/completions", 200, 0.5, None)
    assert caplog.messages == ["POST /v1/chat/completions 200 in 0.500 s"]
