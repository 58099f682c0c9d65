"""The gateway out of its image: `buildah run` with chroot isolation, which shares this machine's loopback.

`make image` builds the image and runs this with ``IMAGE`` set to its name. Without one these tests are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes.processes import free_port
from fakes.tiny_models import train_tokenizer
from integration.lifecycle.conftest import answers, children, eventually
from semtoken.evaluation.bundled import bundled_demo

UID = 10001
FAKES = Path(__file__).resolve().parents[2] / "fakes"
CHROOT = {**os.environ, "BUILDAH_ISOLATION": "chroot"}


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway in the image; ``process`` is buildah's."""

    url: str
    process: subprocess.Popen[bytes]

    def pids(self) -> list[int]:
        """The gateway itself: what runs as the image's user, and starts nothing more as buildah's own helper does."""
        found, level = [], [self.process.pid]
        while level:
            found += [pid for pid in level if owner(pid) == UID and not children(pid)]
            level = [child for pid in level for child in children(pid)]
        return found


def owner(pid: int) -> int | None:
    """Whose a process is; None if it has ended."""
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return None


def buildah(*arguments: str) -> str:
    """What a command of buildah prints."""
    return subprocess.run(["buildah", *arguments], check=True, env=CHROOT, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def image() -> str:
    name = os.environ.get("IMAGE", "")
    if not name:
        pytest.skip("IMAGE names no image (`make image` builds one and runs this)")
    if shutil.which("buildah") is None or os.geteuid() != 0:
        pytest.skip("needs buildah (Debian: apt-get install buildah) and root")
    return name


@pytest.fixture(scope="module")
def container(image: str) -> Iterator[str]:
    name = buildah("from", "--pull-never", image).strip()
    yield name
    buildah("rm", name)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The URL of an engine without a model, and the folder of the tokenizer that it serves."""
    folder = tmp_path_factory.mktemp("tokenizer")
    train_tokenizer().save_pretrained(folder)
    # The gateway runs as somebody else.
    for path in (folder, *folder.parents[:2]):
        path.chmod(0o755)
    port = free_port()
    argv = [sys.executable, str(FAKES / "engine_process.py"), "--port", str(port), "--tokenizer", str(folder)]
    process = subprocess.Popen(argv)
    url = f"http://127.0.0.1:{port}"
    eventually(lambda: answers(f"{url}/health"), "the engine did not start")
    yield url, folder
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def gateway(container: str, engine: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The gateway as the image starts it, on its root file system and as the user that it names."""
    port = free_port()
    variables = {"SEMTOKEN_ENGINE_URLS": engine[0], "SEMTOKEN_HOST": "127.0.0.1", "SEMTOKEN_PORT": str(port)}
    argv = ["buildah", "run", *(f"--env={name}={value}" for name, value in variables.items())]
    argv += [f"--volume={engine[1]}:{engine[1]}:ro", container, "--", *configuration(container)["Entrypoint"]]
    log = tmp_path_factory.mktemp("gateway") / "log"
    with log.open("wb") as output:
        running = Running(f"http://127.0.0.1:{port}", subprocess.Popen(argv, env=CHROOT, stdout=output, stderr=output))
    try:
        ready = f"{running.url}/health/ready"
        eventually(lambda: running.process.poll() is not None or answers(ready), f"see {log}", 300)
        assert running.process.poll() is None, log.read_text()
        yield running
    finally:
        for pid in running.pids():
            os.kill(pid, signal.SIGTERM)
        running.process.wait(60)


def configuration(container: str) -> dict[str, Any]:
    """What Docker would start it with."""
    configured: dict[str, Any] = json.loads(buildah("inspect", container))["Docker"]["config"]
    return configured


def test_the_image_names_a_user_and_a_health_check(container: str) -> None:
    configured = configuration(container)
    assert configured["User"] == str(UID)
    assert configured["Healthcheck"]["Test"][0] == "CMD"
    assert configured["StopSignal"] == "SIGTERM"


def test_it_runs_as_the_user_of_the_image(gateway: Running) -> None:
    assert gateway.pids()


def test_a_chat_is_compressed(gateway: Running, engine: tuple[str, Path]) -> None:
    demo = bundled_demo()
    body = {
        "model": "fake-model",
        "messages": [{"role": "user", "content": f"{demo.document}\n\n{demo.question}"}],
        "semtoken": {"ratio": 4},
    }
    answer = httpx.post(f"{gateway.url}/v1/chat/completions", json=body, timeout=120, trust_env=False)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-semtoken-status"] == "compressed", answer.headers
    before, after = (int(answer.headers[f"x-semtoken-{which}-tokens"]) for which in ("original", "forwarded"))
    assert 3.5 < before / after < 4.5
    arrived = httpx.get(f"{engine[0]}/stats", trust_env=False).json()["prompt_bytes"]
    assert 0 < arrived < len(demo.document.encode()) / 3


def test_the_health_check_of_the_image_passes(gateway: Running, container: str) -> None:
    port = gateway.url.rpartition(":")[2]
    command = configuration(container)["Healthcheck"]["Test"][1:]
    buildah("run", f"--env=SEMTOKEN_PORT={port}", container, "--", *command)


def test_sigterm_ends_it_in_order(gateway: Running) -> None:
    for pid in gateway.pids():
        os.kill(pid, signal.SIGTERM)
    assert gateway.process.wait(60) == 0
