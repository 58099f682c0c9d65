"""The examples that `semtoken serve` prints."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

from semtoken_server.cli.announce import examples


def test_the_curl_line_is_a_shell_command_with_valid_json() -> None:
    text = examples("http://127.0.0.1:8080", "some-model")
    command = text[text.index("curl") : text.index("\n\n" + shlex.quote(sys.executable))]
    words = shlex.split(command)
    assert words[:2] == ["curl", "http://127.0.0.1:8080/v1/chat/completions"]
    assert json.loads(words[words.index("-d") + 1])["model"] == "some-model"


def test_the_client_is_valid_python() -> None:
    script = re.search(r"<<'EOF'\n(.*)\nEOF", examples("http://127.0.0.1:8080", "some-model"), re.DOTALL)
    assert script
    compile(script[1], "example", "exec")


def test_the_client_runs_in_a_python_that_has_openai(tmp_path: Path) -> None:
    script = examples("http://127.0.0.1:8080", "some-model")
    client = script[script.index(shlex.quote(sys.executable)) :]
    imports_only = re.sub(r"\nclient = .*\nEOF", "\nEOF", client, flags=re.DOTALL)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    subprocess.run(["bash", "-c", imports_only], check=True, env=environment, timeout=60)
