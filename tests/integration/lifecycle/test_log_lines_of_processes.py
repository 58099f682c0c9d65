"""What `semtoken serve` writes with `log_format: json`: each line an object, whichever process it is from."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fakes.keys import entry, write_keys
from integration.lifecycle.conftest import CHAT, Gateway, Serve, chat, children, eventually

KEY = "sk-3f9c1e7ab2d84650"
WORKERS = ("--workers", "2")


def lines(gateway: Gateway) -> list[dict[str, Any]]:
    """All that was written, to standard error and standard output, by the command and its children."""
    return [json.loads(line) for line in gateway.log.read_text().splitlines()]


def told(gateway: Gateway, word: str) -> bool:
    return word in gateway.log.read_text()


@pytest.mark.parametrize("flags", [(), WORKERS])
def test_every_line_of_every_process_is_json_and_names_its_request(
    serve: Serve, tmp_path: Path, flags: Sequence[str]
) -> None:
    keys = write_keys(tmp_path / "keys.yaml", entry(KEY))
    gateway = serve(*flags, log_format="json", log_requests="true", log_level="debug", keys_file=keys)
    eventually(lambda: told(gateway, "could not be loaded"))
    eventually(lambda: told(gateway, '"message": "ready on '))
    headers = {"authorization": f"Bearer {KEY}"}
    url = f"{gateway.url}{CHAT}?secret={KEY}"
    answers = [gateway.client.post(url, json=chat(3, stream=n % 2 == 0), headers=headers) for n in range(8)]
    answers.append(gateway.client.post(url, json=chat(3), headers={"authorization": f"Bearer {KEY}x"}))
    gateway.client.close()
    gateway.signal(signal.SIGHUP)
    eventually(lambda: told(gateway, "settings reloaded"))
    gateway.signal(signal.SIGTERM)
    assert gateway.ended() == 0

    written = lines(gateway)
    assert all({"time", "level", "logger", "message"} <= set(line) for line in written)
    about = [line for line in written if line["logger"] == "semtoken_server.logs.requests" and line["route"] == CHAT]
    assert {line["request_id"] for line in about} == {answer.headers["x-request-id"] for answer in answers}
    assert sorted(line["status"] for line in about) == [200] * 8 + [401]
    loggers = {line["logger"] for line in written}
    assert {"uvicorn.error", "semtoken_server.lifecycle.reload", "semtoken_server.compression.thread"} <= loggers
    (failed,) = (line for line in written if "could not be loaded" in line["message"])
    assert failed["exception"].startswith("Traceback")
    assert KEY not in gateway.log.read_text()
    assert "Hello" not in gateway.log.read_text()


def test_the_parent_tells_of_a_worker_s_death_in_json(serve: Serve) -> None:
    gateway = serve(*WORKERS, log_format="json")
    eventually(lambda: gateway.log.read_text().count("Application startup complete") == 2)
    for pid in children(gateway.process.pid):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: gateway.log.read_text().count("Application startup complete") == 4)
    eventually(lambda: told(gateway, "the compressor's process ended with -9"))
    gateway.signal(signal.SIGTERM)
    assert gateway.ended() == 0
    died = [line["message"] for line in lines(gateway) if line["logger"] == "semtoken_server.lifecycle.workers"]
    assert len([message for message in died if message.endswith("ended with -9")]) == 2


def test_a_warning_before_the_start_is_a_line_too(serve: Serve) -> None:
    gateway = serve("--host", "0.0.0.0", log_format="json", drain_delay_s=0)
    gateway.signal(signal.SIGTERM)
    assert gateway.ended() == 0
    (warning, *_) = [line for line in lines(gateway) if line["level"] == "WARNING"]
    assert "keys_file" in warning["message"]


def test_as_text_a_request_is_a_line_that_a_person_reads(serve: Serve) -> None:
    gateway = serve(log_requests="true")
    gateway.client.post(gateway.url + CHAT, json=chat(3))
    eventually(lambda: told(gateway, f"INFO:     POST {CHAT} 200 in "))
