"""What `semtoken serve` prints when it is ready works as it stands."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys

import pytest
from e2e.real_gateway import RealGateway, eventually

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]

_CLIENT = f"{shlex.quote(sys.executable)} - <<"


@pytest.fixture
def printed(gateway: RealGateway) -> str:
    eventually(lambda: "EOF\n\n" in gateway.output.read_text(), "no examples were printed")
    return gateway.output.read_text()


def test_the_curl_line(printed: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    command = printed[printed.index("curl ") : printed.index(_CLIENT)]
    answer = subprocess.run(["bash", "-c", command], check=True, capture_output=True, timeout=120)
    assert json.loads(answer.stdout)["choices"][0]["message"]["content"]


def test_the_client(printed: str) -> None:
    command = printed[printed.index(_CLIENT) :]
    # A shell outside the virtual environment, as a newcomer's is.
    environment = {**os.environ, "PATH": os.defpath}
    answer = subprocess.run(["bash", "-c", command], check=True, capture_output=True, timeout=120, env=environment)
    assert answer.stdout.strip()
