"""The gateway on a real local Ray: two replicas behind Ray's proxy, before an engine without a model."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from fakes.processes import free_port
from fakes.tiny_models import train_tokenizer
from integration.lifecycle.conftest import answers, eventually
from prometheus_client.parser import text_string_to_metric_families
from semtoken.evaluation.bundled import bundled_demo

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
CHAT = "/v1/chat/completions"
GAP_S = 0.2
# Nothing is sent elsewhere, nothing is written at home.
ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (extra `ray`)"),
    pytest.mark.model,
    pytest.mark.usefixtures("models"),
]


class Served:
    """The application, its engine and its metrics by their URLs."""

    def __init__(self, url: str, engine: str, metrics: str, log: Path) -> None:
        self.engine, self.metrics, self.log = engine, metrics, log
        self.client = httpx.Client(base_url=url, timeout=120, trust_env=False)

    def stats(self) -> dict[str, int]:
        told: dict[str, int] = httpx.get(f"{self.engine}/stats", trust_env=False).json()
        return told

    def samples(self, name: str) -> list[tuple[dict[str, str], float]]:
        """What Ray exports of one of our metrics, as Prometheus would have it by ``deploy/ray/prometheus.yml``."""
        exposition = httpx.get(f"{self.metrics}/metrics", trust_env=False, timeout=30).text
        return [
            (labels, sample.value)
            for family in text_string_to_metric_families(exposition)
            for sample in family.samples
            for found, labels in [relabelled(sample.name, sample.labels)]
            if found == name
        ]


def relabelled(name: str, labels: dict[str, str]) -> tuple[str | None, dict[str, str]]:
    """A metric by the rules of the file; None for one that is not kept."""
    jobs = yaml.safe_load((ROOT / "deploy" / "ray" / "prometheus.yml").read_text())["scrape_configs"]
    (job,) = (job for job in jobs if job["job_name"] == "semtoken")
    found: dict[str, str] = {**labels, "__name__": name}
    for rule in job["metric_relabel_configs"]:
        if rule.get("action") == "labeldrop":
            found = {key: value for key, value in found.items() if not re.fullmatch(rule["regex"], key)}
            continue
        match = re.fullmatch(rule.get("regex", "(.*)"), found.get(rule["source_labels"][0], ""))
        if match is None and rule.get("action") == "keep":
            return None, {}
        if match is not None and "target_label" in rule:
            found[rule["target_label"]] = match[1]
    return found.pop("__name__"), found


@contextmanager
def running(argv: list[str], log: Path, **arguments: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the test."""
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, *argv], stdout=output, stderr=output, **arguments)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("engine")
    train_tokenizer().save_pretrained(folder)
    port = free_port()
    script = str(ROOT / "tests" / "fakes" / "engine_process.py")
    argv = [script, "--port", str(port), "--tokenizer", str(folder), "--gap", str(GAP_S)]
    with running(argv, folder / "log"):
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(f"{url}/health"), f"see {folder}/log")
        yield url


@pytest.fixture(scope="module")
def served(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """What `deploy/ray/serve.yaml` deploys, but for ports, the engine and the environment that secrets come from."""
    file = tmp_path_factory.mktemp("ray") / "serve.yaml"
    port, metrics_port = free_port(), free_port()
    config = yaml.safe_load((ROOT / "deploy" / "ray" / "serve.yaml").read_text())
    config["http_options"] = {"host": "127.0.0.1", "port": port}
    (application,) = config["applications"]
    application["args"] = {"engine_urls": [engine]}
    application["runtime_env"] = {"env_vars": {"SEMTOKEN_COMPRESSION__RATIO": "4"}}
    file.write_text(yaml.safe_dump(config))
    log = file.with_name("log")
    # The paths of Ray's sockets are long, and a socket's path may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        argv = [str(HERE / "cluster.py"), str(file), folder, str(metrics_port)]
        with running(argv, log, stdin=subprocess.PIPE, env={**os.environ, **ENVIRONMENT}) as process:
            eventually(lambda: process.poll() is not None or "\nready\n" in log.read_text(), f"see {log}", 300)
            assert process.poll() is None, log.read_text()
            found = Served(f"http://127.0.0.1:{port}", engine, f"http://127.0.0.1:{metrics_port}", log)
            with found.client:
                yield found
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(120) == 0, log.read_text()
            assert log.read_text().endswith("over\n")


def body(**more: Any) -> dict[str, Any]:
    demo = bundled_demo()
    messages = [{"role": "user", "content": f"{demo.document}\n\n{demo.question}"}]
    return {"model": "fake-model", "messages": messages, "max_tokens": 5, **more}


def test_a_chat_is_compressed_by_the_settings_of_the_environment(served: Served) -> None:
    answer = served.client.post(CHAT, json=body(), headers={"x-request-id": "mine"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-semtoken-status"] == "compressed"
    assert answer.headers.get_list("x-request-id") == ["mine"]
    before, after = (int(answer.headers[f"x-semtoken-{which}-tokens"]) for which in ("original", "forwarded"))
    assert 3.5 < before / after < 4.5
    assert 0 < served.stats()["prompt_bytes"] < len(bundled_demo().document.encode()) / 3


def test_a_stream_arrives_as_it_is_made(served: Served) -> None:
    arrived = []
    with served.client.stream("POST", CHAT, json=body(stream=True)) as answer:
        assert answer.headers["x-semtoken-status"] == "compressed"
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                arrived.append(time.monotonic())
    assert len(arrived) == 5
    # Held back they would come at once; the engine takes four gaps.
    assert arrived[-1] - arrived[0] > 2 * GAP_S


def test_a_client_that_leaves_frees_the_engine(served: Served) -> None:
    before = served.stats()["aborted"]
    with served.client.stream("POST", CHAT, json=body(stream=True, max_tokens=3000)) as answer:
        next(answer.iter_lines())
    eventually(lambda: served.stats()["aborted"] == before + 1, "the engine goes on", 60)
    assert served.stats()["running"] == 0


def test_both_replicas_answer_and_count(served: Served) -> None:
    def each_counts() -> bool:
        served.client.post(CHAT, json=body(max_tokens=1))
        chats = [labels for labels, _ in served.samples("semtoken_requests_total") if labels["route"] == CHAT]
        return len({labels["instance"] for labels in chats}) == 2

    eventually(each_counts, "one replica has all requests", 120)
    seen: Callable[[], float] = lambda: sum(  # noqa: E731
        value
        for labels, value in served.samples("semtoken_requests_total")
        if labels["route"] == CHAT and labels["code"] == "200"
    )
    before = seen()
    served.client.post(CHAT, json=body(max_tokens=1))
    eventually(lambda: seen() > before, "the counter stands still", 60)
    (labels, _), *_ = served.samples("semtoken_requests_total")
    assert set(labels) == {"application", "code", "deployment", "instance", "replica", "route"}


def test_the_encoder_takes_no_more_cores_than_ray_was_told(served: Served) -> None:
    assert "encoding threads: 1\n" in served.log.read_text()


@pytest.mark.parametrize("path", ["/metrics", "/playground"])
def test_what_is_for_operators_is_not_public(served: Served, path: str) -> None:
    assert served.client.get(path).status_code == 404
    assert served.client.get("/health/ready").json()["encoder"] == "ready"
